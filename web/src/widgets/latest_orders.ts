import type { OrderPage, OrderStatus } from "../api/types";
import { h } from "../dom";
import { defineWidget } from "../widget";

const STATUS: Readonly<Record<"en" | "de", Readonly<Record<OrderStatus, string>>>> = {
  en: { placed: "placed", paid: "paid", shipped: "shipped", delivered: "delivered", cancelled: "cancelled" },
  de: { placed: "bestellt", paid: "bezahlt", shipped: "versandt", delivered: "geliefert", cancelled: "storniert" },
};
const HEADS = {
  en: { order: "Order", customer: "Customer", status: "Status", placed: "Placed", total: "Total", none: "No orders yet." },
  de: {
    order: "Bestellung",
    customer: "Kunde",
    status: "Status",
    placed: "Bestellt",
    total: "Summe",
    none: "Noch keine Bestellungen.",
  },
};

export default defineWidget({
  kind: "latest_orders",
  name: { en: "Latest orders", de: "Neueste Bestellungen" },
  defaults: { limit: 10 },
  sizes: { phone: { width: 2, height: 5 }, tablet: { width: 6, height: 5 }, desktop: { width: 6, height: 5 } },
  freshSeconds: 60,
  fields: [{ name: "limit", type: "number", least: 1, most: 50, label: { en: "How many", de: "Wie viele" } }],
  async render(element, { limit }, { api, language, locale, currency, signal }) {
    const { orders } = await api.get<OrderPage>(`/api/v2/orders?limit=${limit}`, signal);
    const heads = HEADS[language];
    if (orders.length === 0) {
      element.append(h("p", { class: "quiet" }, heads.none));
      return;
    }
    const money = new Intl.NumberFormat(locale, { style: "currency", currency });
    const day = new Intl.DateTimeFormat(locale, { dateStyle: "short" });
    const rows = orders.map((order) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, order.reference),
        h("td", {}, order.customer_name),
        h("td", {}, h("span", { class: `tag tag-${order.status}` }, STATUS[language][order.status])),
        h("td", {}, day.format(new Date(order.created_at))),
        h("td", { class: "number" }, money.format(order.total_cents / 100)),
      ),
    );
    const head = h(
      "tr",
      {},
      ...[heads.order, heads.customer, heads.status, heads.placed].map((text) => h("th", { scope: "col" }, text)),
      h("th", { scope: "col", class: "number" }, heads.total),
    );
    element.append(h("table", { class: "orders" }, h("thead", {}, head), h("tbody", {}, ...rows)));
  },
});
