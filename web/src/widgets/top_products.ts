import { notYet } from "../not_yet";
import { defineWidget } from "../widget";

export default defineWidget({
  kind: "top_products",
  name: { en: "Top products", de: "Meistverkauft" },
  defaults: { days: 30, limit: 5 },
  sizes: { phone: { width: 2, height: 3 }, tablet: { width: 3, height: 3 }, desktop: { width: 3, height: 4 } },
  fields: [
    { name: "days", type: "number", least: 1, most: 90, label: { en: "Days", de: "Tage" } },
    { name: "limit", type: "number", least: 1, most: 20, label: { en: "How many", de: "Wie viele" } },
  ],
  // No endpoint of orders tells what sells best.
  render: notYet,
});
