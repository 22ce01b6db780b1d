import type { ReplicaHistory } from "../api/types";
import { h } from "../dom";
import { drawLines, latest, swatch } from "../lines";
import { defineWidget } from "../widget";

const TEXTS = {
  en: {
    chart: (minutes: number, now: string) => `Replicas of the last ${minutes} minutes. Now: ${now}`,
    service: "Service",
    now: "Now",
    wanted: "Wanted",
    most: "Most",
    none: "Nothing recorded yet.",
  },
  de: {
    chart: (minutes: number, now: string) => `Replikate der letzten ${minutes} Minuten. Jetzt: ${now}`,
    service: "Dienst",
    now: "Jetzt",
    wanted: "Gewollt",
    most: "Höchstens",
    none: "Noch nichts aufgezeichnet.",
  },
};

export default defineWidget({
  kind: "replicas_over_time",
  name: { en: "Replicas over time", de: "Replikate über die Zeit" },
  defaults: { minutes: 60, services: [] },
  sizes: { phone: { width: 2, height: 4 }, tablet: { width: 6, height: 4 }, desktop: { width: 6, height: 5 } },
  freshSeconds: 60,
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
  async render(element, { minutes, services }, { api, language, locale, signal }) {
    const [{ default: uPlot }, history] = await Promise.all([
      import("../chart"),
      api.get<ReplicaHistory>(`/api/v1/dashboard/platform/replicas?minutes=${minutes}`, signal),
    ]);
    const texts = TEXTS[language];
    const wanted = history.services.filter((service) => services.length === 0 || services.includes(service.name));
    const shown = wanted.filter((service) => latest(service.replicas) !== null);
    if (shown.length === 0) {
      element.append(h("p", { class: "quiet" }, texts.none));
      return;
    }
    const count = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
    const cell = (value: number | null) => h("td", { class: "number" }, value === null ? "–" : count.format(value));
    const rows = shown.map((service, index) =>
      h(
        "tr",
        {},
        h("th", { scope: "row" }, swatch(index), service.name),
        cell(latest(service.replicas)),
        cell(latest(service.desired)),
        cell(Math.max(...service.replicas.map((value) => value ?? 0))),
      ),
    );
    const head = h(
      "tr",
      {},
      h("th", { scope: "col" }, texts.service),
      ...[texts.now, texts.wanted, texts.most].map((text) => h("th", { scope: "col", class: "number" }, text)),
    );
    element.append(h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows)));
    return drawLines(uPlot, element, {
      times: history.times,
      lines: shown.map((service) => ({ name: service.name, values: service.replicas })),
      isStepped: true,
      value: (value) => count.format(value),
      label: texts.chart(minutes, shown.map((service) => `${service.name} ${latest(service.replicas) ?? "–"}`).join(", ")),
      locale,
      signal,
    });
  },
});
