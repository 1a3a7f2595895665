import { gzipSync } from "node:zlib";

import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// The binary serves what is built here under /ui/. While developing, `npm run dev` serves it and passes calls on to a running Chiffon:
//   CHIFFON_URL=http://127.0.0.1:8080 CHIFFON_TOKEN=chf_... npm run dev
const server = process.env.CHIFFON_URL ?? "http://127.0.0.1:8080";
const token = process.env.CHIFFON_TOKEN;

/** Puts each file beside itself once more, packed: the server sends that one to whoever takes it, and packs nothing itself. */
const packed: Plugin = {
  name: "packed",
  apply: "build",
  generateBundle: {
    order: "post",
    handler(_, bundle) {
      for (const [name, file] of Object.entries(bundle)) {
        const source = gzipSync(file.type === "chunk" ? file.code : file.source, { level: 9 });
        this.emitFile({ type: "asset", fileName: `${name}.gz`, source });
      }
    },
  },
};

export default defineConfig({
  base: "/ui/",
  plugins: [react(), packed],
  build: {
    target: "es2022",
    // The page is the same file for file wherever it is built: names are hashes of contents, and nothing is inlined into the page, because
    // its policy allows no inline script and no inline style.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: {
    proxy: {
      "^/(?!ui/)": {
        target: server,
        ...(token === undefined
          ? {}
          : {
              headers: { authorization: `Bearer ${token}` },
              // A call with a token is a program's: what a browser adds for its cookies stays here.
              configure: (proxy) => {
                proxy.on("proxyReq", (call) => {
                  call.removeHeader("cookie");
                });
              },
            }),
      },
    },
  },
});
