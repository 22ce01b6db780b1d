import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig } from "vite";

const COMPRESSED = /\.(html|js|css|svg)$/;

/** Writes each file as .br and .gz too: compressed once, as small as can be, instead of at each request. */
const compressed = {
  name: "compressed",
  async writeBundle({ dir }, bundle) {
    for (const name of Object.keys(bundle).filter((each) => COMPRESSED.test(each))) {
      const file = join(dir, name);
      const content = await readFile(file);
      await writeFile(`${file}.gz`, gzipSync(content, { level: 9 }));
      await writeFile(
        `${file}.br`,
        brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }),
      );
    }
  },
};

export default defineConfig({
  base: "/dashboard/",
  build: {
    outDir: "../services/dashboard/static",
    emptyOutDir: true,
    target: "es2023",
    // The page's policy admits nothing inline, data: URLs neither.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  plugins: [compressed],
});
