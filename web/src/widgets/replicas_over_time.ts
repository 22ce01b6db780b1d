import { notYet } from "../not_yet";
import { defineWidget } from "../widget";

export default defineWidget({
  kind: "replicas_over_time",
  name: { en: "Replicas over time", de: "Replikate über die Zeit" },
  defaults: { minutes: 60, services: [] },
  sizes: { phone: { width: 2, height: 3 }, tablet: { width: 6, height: 3 }, desktop: { width: 6, height: 4 } },
  fields: [
    { name: "minutes", type: "number", least: 5, most: 1440, label: { en: "Minutes", de: "Minuten" } },
    {
      name: "services",
      type: "names",
      label: { en: "Services", de: "Dienste" },
      hint: { en: "One a line; empty: all", de: "Einer je Zeile; leer: alle" },
    },
  ],
  roles: ["admin"],
  // No endpoint tells what the autoscaler did.
  render: notYet,
});
