/** gen/ts and conformance/testees/web lie outside of this folder and find packages by their names. */
import { fileURLToPath } from "node:url";

const protobuf = fileURLToPath(new URL("node_modules/@bufbuild/protobuf/dist/esm", import.meta.url));
export const aliases = [
  { find: /^@bufbuild\/protobuf$/, replacement: `${protobuf}/index.js` },
  { find: /^@bufbuild\/protobuf\/(codegenv2|reflect)$/, replacement: `${protobuf}/$1/index.js` },
  { find: /^ws$/, replacement: fileURLToPath(new URL("node_modules/ws/wrapper.mjs", import.meta.url)) },
];
