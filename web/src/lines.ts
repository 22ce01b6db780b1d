/** Lines over time, one a service: a picture. What it says stands beside it in words, which its caller writes. */
import type uPlot from "uplot";
import { h } from "./dom";
import type { Drawn } from "./widget";

/** A value a time; null where nothing is known. */
export type Series = readonly (number | null)[];

export interface Line {
  name: string;
  values: Series;
}

export interface Picture {
  /** Unix seconds. */
  times: readonly number[];
  lines: readonly Line[];
  /** Held until the next value, rather than sloping towards it. */
  isStepped: boolean;
  /** Of the vertical axis. */
  value: (value: number) => string;
  /** What it shows, in a sentence. */
  label: string;
  locale: string;
  signal: AbortSignal;
}

const COLOURS = 6;
const DASHES = [[], [8, 4], [2, 3]] as const;

/** What a line looks like, to be put before its name: by its colour and by its dashes. */
export function swatch(index: number): HTMLElement {
  return h("span", {
    class: `swatch swatch-${index % COLOURS} dash-${index % DASHES.length}`,
    "aria-hidden": "true",
  });
}

/** The last value that is known. */
export function latest(values: Series): number | null {
  return values.findLast((value) => value !== null) ?? null;
}

/** Draw it into the element, which has its colours from the class `chart`. */
export function drawLines(Chart: typeof uPlot, element: HTMLElement, picture: Picture): Drawn {
  const plot = h("div", { class: "plot", role: "img", "aria-label": picture.label });
  element.classList.add("chart", "lines");
  element.prepend(plot);
  const colour = (name: string) => getComputedStyle(element).getPropertyValue(name);
  const clock = new Intl.DateTimeFormat(picture.locale, { hour: "numeric", minute: "2-digit" });
  const size = () => ({ width: Math.max(plot.clientWidth, 80), height: Math.max(plot.clientHeight, 60) });
  const axis = {
    stroke: () => colour("--chart-text"),
    grid: { stroke: () => colour("--chart-line"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui, sans-serif",
  };
  const stepped = picture.isStepped ? Chart.paths.stepped?.({ align: 1 }) : undefined;
  const chart = new Chart(
    {
      ...size(),
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: { time: true }, y: { range: (_chart, _least, most) => [0, Math.max(most, 1) * 1.1] } },
      axes: [
        { ...axis, size: 28, grid: { show: false }, values: (_chart, at) => at.map((time) => clock.format(time * 1000)) },
        {
          ...axis,
          size: 56,
          values: (_chart, at) => at.map((value) => picture.value(value)),
          ...(picture.isStepped ? { incrs: [1, 2, 5, 10, 20, 50, 100] } : {}),
        },
      ],
      series: [
        {},
        ...picture.lines.map((_line, index) => ({
          stroke: () => colour(`--series-${index % COLOURS}`),
          dash: [...(DASHES[index % DASHES.length] ?? [])],
          width: 2,
          ...(stepped === undefined ? {} : { paths: stepped }),
        })),
      ],
    },
    [[...picture.times], ...picture.lines.map((line) => [...line.values])],
    plot,
  );
  picture.signal.addEventListener("abort", () => chart.destroy());
  return {
    redraw() {
      chart.setSize(size());
    },
  };
}
