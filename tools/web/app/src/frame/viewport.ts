/** Below it there is room for little more than what one is doing: a phone lying, or its keyboard. */
const LOW_PX = 480;

/** The height that is seen. Where the keyboard covers the page instead of making it smaller, CSS cannot know it. */
export function watchViewport(): void {
  const view = window.visualViewport;
  if (!view) return;
  const measure = () => {
    const covered = view.scale === 1 && window.innerHeight - view.height > 80;
    document.documentElement.style.setProperty("--seen-height", covered ? `${Math.round(view.height)}px` : "100dvh");
    if (covered) scrollTo(0, 0);
    const height = covered ? view.height : window.innerHeight;
    if (height < LOW_PX) document.documentElement.dataset.height = "low";
    else delete document.documentElement.dataset.height;
  };
  view.addEventListener("resize", measure);
  measure();
}
