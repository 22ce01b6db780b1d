"""The charts, as plotly figures whose colours are CSS variables of the page: one file a chart."""
