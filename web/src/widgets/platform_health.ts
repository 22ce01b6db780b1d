import { notYet } from "../not_yet";
import { defineWidget } from "../widget";

export default defineWidget({
  kind: "platform_health",
  name: { en: "Platform health", de: "Zustand der Plattform" },
  defaults: { minutes: 60 },
  sizes: { phone: { width: 2, height: 3 }, tablet: { width: 3, height: 3 }, desktop: { width: 3, height: 4 } },
  fields: [{ name: "minutes", type: "number", least: 5, most: 1440, label: { en: "Minutes", de: "Minuten" } }],
  // No endpoint tells error rate and latency.
  render: notYet,
});
