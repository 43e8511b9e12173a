/** A session's news into a view of it. */
import type { SessionNews } from "../session.js";
import type { View } from "./view.js";

/** Folds what a Session tells, in the order in which it tells it. True: the state may have changed. */
export function foldNews(view: View, news: SessionNews): boolean {
  switch (news.kind) {
    case "event":
      view.apply(news.event);
      return true;
    case "tail":
      view.applyTail(news.event);
      return true;
    case "tail-cleared":
      view.clearTail();
      return true;
    case "snapshot":
      view.restore(news.state);
      return true;
    case "reset":
      view.reset();
      return true;
    default:
      return false;
  }
}
