export * from "./connection.js";
export * from "./endpoint.js";
export * from "./history.js";
export * from "./module.js";
export * from "./module_view.js";
export * from "./session.js";
export * from "./upload.js";
export { View } from "./view/view.js";
export { foldNews } from "./view/news.js";
