import type { BestSellingProducts } from "../api/types";
import { h } from "../dom";
import { defineWidget } from "../widget";

const TEXTS = {
  en: {
    list: (days: number) => `Most revenue in ${days} days`,
    sold: (pieces: string) => `${pieces} sold`,
    none: "Nothing sold yet.",
  },
  de: {
    list: (days: number) => `Höchster Umsatz in ${days} Tagen`,
    sold: (pieces: string) => `${pieces} verkauft`,
    none: "Noch nichts verkauft.",
  },
};

export default defineWidget({
  kind: "top_products",
  name: { en: "Top products", de: "Meistverkauft" },
  defaults: { days: 30, limit: 5 },
  sizes: { phone: { width: 2, height: 5 }, tablet: { width: 3, height: 5 }, desktop: { width: 3, height: 5 } },
  freshSeconds: 60,
  fields: [
    { name: "days", type: "number", least: 1, most: 90, label: { en: "Days", de: "Tage" } },
    { name: "limit", type: "number", least: 1, most: 20, label: { en: "How many", de: "Wie viele" } },
  ],
  async render(element, { days, limit }, { api, language, locale, currency, signal }) {
    const path = `/api/v2/orders/products/top?days=${days}&limit=${limit}`;
    const { products } = await api.get<BestSellingProducts>(path, signal);
    const texts = TEXTS[language];
    if (products.length === 0) {
      element.append(h("p", { class: "quiet" }, texts.none));
      return;
    }
    const money = new Intl.NumberFormat(locale, { style: "currency", currency, maximumFractionDigits: 0 });
    const count = new Intl.NumberFormat(locale);
    const most = Math.max(...products.map((product) => product.revenue_cents), 1);
    const rows = products.map((product) => {
      // The figures are read out; the bar says no more than they do.
      const bar = h("span", { class: "ranking-bar", "aria-hidden": "true" });
      bar.style.inlineSize = `${(100 * product.revenue_cents) / most}%`;
      return h(
        "li",
        {},
        h("span", { class: "ranking-name" }, product.name),
        " ",
        h("span", { class: "quiet" }, texts.sold(count.format(product.pieces))),
        " ",
        h("strong", { class: "number" }, money.format(product.revenue_cents / 100)),
        bar,
      );
    });
    element.append(h("ol", { class: "ranking", "aria-label": texts.list(days) }, ...rows));
  },
});
