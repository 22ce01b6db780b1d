import type { DailyRevenue } from "../api/types";
import { h } from "../dom";
import { defineWidget } from "../widget";

const DAY_SECONDS = 86_400;
const TEXTS = {
  en: {
    later: "second half against the first",
    chart: (days: number) => `Revenue of the last ${days} days`,
    day: "Day",
    revenue: "Revenue",
  },
  de: {
    later: "zweite Hälfte gegen die erste",
    chart: (days: number) => `Umsatz der letzten ${days} Tage`,
    day: "Tag",
    revenue: "Umsatz",
  },
};

export default defineWidget({
  kind: "revenue_by_day",
  name: { en: "Revenue by day", de: "Umsatz je Tag" },
  defaults: { days: 30, trend: true },
  sizes: { phone: { width: 2, height: 4 }, tablet: { width: 6, height: 4 }, desktop: { width: 6, height: 5 } },
  freshSeconds: 60,
  fields: [
    { name: "days", type: "number", least: 1, most: 90, label: { en: "Days", de: "Tage" } },
    { name: "trend", type: "boolean", label: { en: "Show the trend", de: "Entwicklung zeigen" } },
  ],
  async render(element, { days, trend }, { api, language, locale, currency, signal }) {
    // The chart's code comes while the data does; pages without this widget never load it.
    const [{ default: uPlot }, revenue] = await Promise.all([
      import("../chart"),
      api.get<DailyRevenue>(`/api/v2/orders/revenue/daily?days=${days}`, signal),
    ]);
    const texts = TEXTS[language];
    const money = new Intl.NumberFormat(locale, { style: "currency", currency, maximumFractionDigits: 0 });
    const short = new Intl.NumberFormat(locale, { notation: "compact" });
    const date = new Intl.DateTimeFormat(locale, { day: "numeric", month: "numeric", timeZone: "UTC" });
    const [times, amounts] = series(revenue, days);

    const summary = h("p", { class: "figure" }, h("strong", {}, money.format(revenue.total_cents / 100)));
    const change = trend ? trendOf(amounts) : null;
    if (change !== null) {
      const text = new Intl.NumberFormat(locale, { style: "percent", signDisplay: "always", maximumFractionDigits: 1 }).format(
        change,
      );
      summary.append(
        " ",
        h(
          "span",
          { class: change < 0 ? "trend down" : "trend up", title: texts.later },
          text,
          h("span", { class: "visually-hidden" }, ` (${texts.later})`),
        ),
      );
    }
    const plot = h("div", {
      class: "plot",
      role: "img",
      "aria-label": `${texts.chart(days)}: ${money.format(revenue.total_cents / 100)}`,
    });
    element.classList.add("chart");
    element.append(summary, plot, table(times, amounts, date, money, texts));

    const colour = (name: string) => getComputedStyle(element).getPropertyValue(name);
    const axis = {
      stroke: () => colour("--chart-text"),
      grid: { stroke: () => colour("--chart-line"), width: 1 },
      ticks: { show: false },
      font: "12px system-ui, sans-serif",
    };
    const size = () => ({ width: Math.max(plot.clientWidth, 80), height: Math.max(plot.clientHeight, 60) });
    const chart = new uPlot(
      {
        ...size(),
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false } },
        scales: { x: { time: true }, y: { range: (_chart, _least, most) => [0, Math.max(most, 1) * 1.1] } },
        axes: [
          { ...axis, size: 28, grid: { show: false }, values: (_chart, at) => at.map((time) => date.format(time * 1000)) },
          { ...axis, size: 52, values: (_chart, at) => at.map((amount) => short.format(amount)) },
        ],
        series: [
          {},
          {
            stroke: () => colour("--chart-stroke"),
            fill: () => colour("--chart-fill"),
            width: 2,
            points: { show: times.length <= 14, size: 6 },
          },
        ],
        tzDate: (time) => uPlot.tzDate(new Date(time * 1000), "UTC"),
      },
      [times, amounts],
      plot,
    );
    signal.addEventListener("abort", () => chart.destroy());
    return {
      redraw() {
        chart.setSize(size());
      },
    };
  },
});

/** Times in seconds and amounts in whole units, a day each; orders leaves days out that had no order. */
function series(revenue: DailyRevenue, days: number): [number[], number[]] {
  const found = new Map(revenue.days.map((day) => [Date.parse(day.day) / 1000, day.revenue_cents / 100]));
  const today = Math.floor(Date.now() / 1000 / DAY_SECONDS) * DAY_SECONDS;
  const last = Math.max(today, ...found.keys());
  const times = Array.from({ length: days }, (_, index) => last - (days - 1 - index) * DAY_SECONDS);
  return [times, times.map((time) => found.get(time) ?? 0)];
}

/** The later half over the earlier one, minus 1, as services/dashboard/service.py has it. */
function trendOf(amounts: readonly number[]): number | null {
  const half = Math.floor(amounts.length / 2);
  const sum = (part: readonly number[]) => part.reduce((total, each) => total + each, 0);
  const earlier = sum(amounts.slice(0, half));
  return earlier > 0 ? sum(amounts.slice(amounts.length - half)) / earlier - 1 : null;
}

/** The chart in words, for who cannot see it. */
function table(
  times: readonly number[],
  amounts: readonly number[],
  date: Intl.DateTimeFormat,
  money: Intl.NumberFormat,
  texts: { day: string; revenue: string },
): HTMLElement {
  const rows = times.map((time, index) =>
    h("tr", {}, h("th", { scope: "row" }, date.format(time * 1000)), h("td", {}, money.format(amounts[index] ?? 0))),
  );
  const head = h("tr", {}, h("th", { scope: "col" }, texts.day), h("th", { scope: "col" }, texts.revenue));
  return h("div", { class: "visually-hidden" }, h("table", {}, h("thead", {}, head), h("tbody", {}, ...rows)));
}
