/** uPlot with its styles, in a file of its own that loads when the first chart is drawn. */
import "uplot/dist/uPlot.min.css";

export { default } from "uplot";
