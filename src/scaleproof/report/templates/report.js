"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const coarse = matchMedia("(pointer: coarse)").matches;
  const config = {
    responsive: true, displaylogo: false, scrollZoom: false, showTips: false,
    displayModeBar: coarse ? false : "hover",
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  };

  // Colours are named after the page's CSS variables; only the browser knows whether they are the light or the dark ones.
  const resolved = (node, style) => {
    if (typeof node === "string") {
      const name = /^var\((--[a-z0-9-]+)\)$/.exec(node);
      return name ? style.getPropertyValue(name[1]).trim() : node;
    }
    if (Array.isArray(node)) return node.map((each) => resolved(each, style));
    if (node && typeof node === "object") {
      return Object.fromEntries(Object.entries(node).map(([key, each]) => [key, resolved(each, style)]));
    }
    return node;
  };

  const draw = () => {
    const style = getComputedStyle(document.documentElement);
    for (const element of document.querySelectorAll("[data-chart]")) {
      const figure = charts[element.dataset.chart];
      const layout = resolved(figure.layout, style);
      // A finger drags the page, not a zoom rectangle.
      layout.dragmode = coarse ? false : "zoom";
      if (element.clientWidth < 520) {
        layout.margin = { ...layout.margin, l: 44, r: 8 };
        layout.font = { ...layout.font, size: 11 };
        for (const [name, axis] of Object.entries(layout)) {
          // Every second tick is enough on a narrow screen.
          if (name.startsWith("xaxis") && axis.tickvals && axis.tickvals.length > 5) {
            axis.tickvals = axis.tickvals.filter((_, index) => index % 2 === 0);
            axis.ticktext = axis.ticktext.filter((_, index) => index % 2 === 0);
          }
        }
      }
      Plotly.react(element, resolved(figure.data, style), layout, config);
    }
    document.documentElement.dataset.drawn = "yes";
  };

  const print = (on) => {
    document.documentElement.classList.toggle("printing", on);
    for (const details of document.querySelectorAll("details")) {
      // On paper, the long lists (every decision, every event) say less than they weigh.
      if (on && !details.open && details.querySelectorAll("tr").length <= 20) { details.open = true; details.dataset.opened = "for print"; }
      if (!on && details.dataset.opened) { details.open = false; delete details.dataset.opened; }
    }
    draw();
  };

  const copy = async (button) => {
    const source = document.getElementById(button.dataset.copy);
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      // Without clipboard access (some browsers, from a file) the text is selected, ready for the keyboard.
      getSelection().selectAllChildren(source);
      button.textContent = document.execCommand("copy") ? "Copied" : "Press Ctrl+C";
    }
    setTimeout(() => { button.textContent = before; }, 2000);
  };

  for (const button of document.querySelectorAll("[data-copy]")) button.addEventListener("click", () => copy(button));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("beforeprint", () => print(true));
  addEventListener("afterprint", () => print(false));
  draw();
})();
