import type { HealthHistory } from "../api/types";
import { h } from "../dom";
import { drawLines, latest, swatch, type Series } from "../lines";
import { defineWidget } from "../widget";

const TEXTS = {
  en: {
    chart: (minutes: number) => `95th percentile of the answers' latency in the last ${minutes} minutes`,
    service: "Service",
    requests: "Requests/s",
    errors: "Errors",
    latency: "p95",
    none: "Nothing recorded yet.",
  },
  de: {
    chart: (minutes: number) => `95. Perzentil der Antwortzeit in den letzten ${minutes} Minuten`,
    service: "Dienst",
    requests: "Anfragen/s",
    errors: "Fehler",
    latency: "p95",
    none: "Noch nichts aufgezeichnet.",
  },
};
/** Above it an error rate is shown as one that asks for attention. */
const MANY_ERRORS = 0.01;

export default defineWidget({
  kind: "platform_health",
  name: { en: "Platform health", de: "Zustand der Plattform" },
  defaults: { minutes: 60 },
  sizes: { phone: { width: 2, height: 5 }, tablet: { width: 6, height: 5 }, desktop: { width: 6, height: 5 } },
  freshSeconds: 60,
  fields: [{ name: "minutes", type: "number", least: 5, most: 1440, label: { en: "Minutes", de: "Minuten" } }],
  async render(element, { minutes }, { api, language, locale, signal }) {
    const [{ default: uPlot }, history] = await Promise.all([
      import("../chart"),
      api.get<HealthHistory>(`/api/v1/dashboard/platform/health?minutes=${minutes}`, signal),
    ]);
    const texts = TEXTS[language];
    const shown = history.services.filter((service) => latest(service.requests_per_second) !== null);
    if (shown.length === 0) {
      element.append(h("p", { class: "quiet" }, texts.none));
      return;
    }
    const count = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
    const share = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 2 });
    const milliseconds = new Intl.NumberFormat(locale, { style: "unit", unit: "millisecond", maximumFractionDigits: 0 });
    const cell = (value: number | null, format: Intl.NumberFormat) =>
      h("td", { class: "number" }, value === null ? "–" : format.format(value));
    const rows = shown.map((service, index) => {
      const failed = errorShare(service.error_share, service.requests_per_second);
      const errors = cell(failed, share);
      if (failed !== null && failed > MANY_ERRORS) errors.classList.add("bad");
      return h(
        "tr",
        {},
        h("th", { scope: "row" }, swatch(index), service.name),
        cell(latest(service.requests_per_second), count),
        errors,
        cell(latest(service.p95_ms), milliseconds),
      );
    });
    const head = h(
      "tr",
      {},
      h("th", { scope: "col" }, texts.service),
      ...[texts.requests, texts.errors, texts.latency].map((text) => h("th", { scope: "col", class: "number" }, text)),
    );
    element.append(h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows)));
    return drawLines(uPlot, element, {
      times: history.times,
      lines: shown.map((service) => ({ name: service.name, values: service.p95_ms })),
      isStepped: false,
      value: (value) => milliseconds.format(value),
      label: texts.chart(minutes),
      locale,
      signal,
    });
  },
});

/** Of the whole period: each step counts by what was asked in it. */
function errorShare(shares: Series, requests: Series): number | null {
  let failed = 0;
  let asked = 0;
  for (const [index, share] of shares.entries()) {
    if (share === null) continue;
    const rate = requests[index] ?? 0;
    failed += share * rate;
    asked += rate;
  }
  return asked > 0 ? failed / asked : null;
}
