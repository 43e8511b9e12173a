/** The height that is seen. Where the keyboard covers the page instead of making it smaller, CSS cannot know it. */
export function watchViewport(): void {
  const view = window.visualViewport;
  if (!view) return;
  const measure = () => {
    const covered = view.scale === 1 && window.innerHeight - view.height > 80;
    document.documentElement.style.setProperty("--seen-height", covered ? `${Math.round(view.height)}px` : "100dvh");
    if (covered) scrollTo(0, 0);
  };
  view.addEventListener("resize", measure);
  measure();
}
