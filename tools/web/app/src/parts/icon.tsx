/** The pictures of the page, drawn here: strokes on a 24 × 24 grid. They are decoration; words say the same. */
const paths = {
  back: "M15 5l-7 7 7 7",
  forward: "M9 5l7 7-7 7",
  up: "M5 15l7-7 7 7",
  down: "M5 9l7 7 7-7",
  "to-end": "M12 4v13M6 11l6 6 6-6M5 21h14",
  close: "M6 6l12 12M18 6L6 18",
  check: "M5 12.5l4.5 4.5L19 7.5",
  plus: "M12 5v14M5 12h14",
  more: "M5 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2zM12 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2zM19 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2z",
  send: "M5 12h13M12 5l7 7-7 7",
  stop: "M7 7h10v10H7z",
  steer: "M5 19V11a4 4 0 0 1 4-4h10M15 3l4 4-4 4",
  queue: "M4 6h16M4 12h16M4 18h9M17 15v6M14 18h6",
  attach: "M20 11.5l-8.2 8.2a5 5 0 0 1-7-7l8.9-9a3.3 3.3 0 0 1 4.7 4.7l-8.5 8.6a1.7 1.7 0 0 1-2.4-2.4l7.6-7.6",
  search: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5",
  devices: "M4 5h13v9H4zM2 18h10M15 11h6v9h-6z",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l2 2H4zM10 21h4",
  copy: "M9 9h11v11H9zM15 9V4H4v11h5",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  move: "M4 12h15M14 7l5 5-5 5M4 5v14",
  refresh: "M19 12a7 7 0 1 1-2-5l2 2M19 4v5h-5",
  pulse: "M3 12h4l3-7 4 14 3-7h4",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.700l1-1",
  cut: "M8 8L4.500 11.500a3.500 3.500 0 0 0 5 5M16 16l3.500-3.500a3.500 3.500 0 0 0-5-5M4 4l16 16",
  terminal: "M4 5h16v14H4zM8 9.500l3 2.500-3 2.500M13 15h3",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  folder: "M3 6h7l2 2h9v11H3z",
  image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9h.01",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  think: "M7 15a5 5 0 0 1-1-9 5.500 5.500 0 0 1 11 1 4.500 4.500 0 0 1 0 8zM9 19h.01M6 21h.01",
  tool: "M14 6a4.500 4.500 0 0 1 5.500-1.500L16.500 7.500l1 2 2 1 2-3A4.500 4.500 0 0 1 15 12l-7 8a2.500 2.500 0 0 1-4-3.500l8-6.500a4.500 4.500 0 0 1 2-4z",
  ask: "M9 9a3 3 0 1 1 4.500 2.600C12.500 12.200 12 13 12 14M12 17.500h.01M12 2.500a9.500 9.500 0 1 0 0 19 9.500 9.500 0 0 0 0-19z",
  warning: "M12 4l9 16H3zM12 10v4M12 17h.01",
  error: "M8 3h8l5 5v8l-5 5H8l-5-5V8zM12 8v5M12 16h.01",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5M12 8h.01",
  plan: "M4 6l1.500 1.500L8 5M4 12l1.500 1.500L8 11M4 18l1.500 1.500L8 17M11.500 6.500H20M11.500 12.500H20M11.500 18.500H20",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.500 20c1-4 4-5.500 7.500-5.500s6.500 1.500 7.500 5.500",
  people: "M9 5a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM2.500 20c.5-4 3-5.500 6.500-5.500s6 1.500 6.500 5.500M16 5.500a3.500 3.500 0 0 1 0 6.500M18 15c2 .8 3.200 2.400 3.500 5",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.500 2",
  key: "M8 11a4.500 4.500 0 1 0 0 9 4.500 4.500 0 0 0 0-9zM11.500 12.500L20 4M16 8l3 3",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  eye: "M2.500 12C5 7.500 8 5.500 12 5.500s7 2 9.500 6.500c-2.500 4.500-5.500 6.500-9.500 6.500S5 16.500 2.500 12zM12 9.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5z",
  external: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  download: "M12 4v11M7 10l5 5 5-5M5 20h14",
  "sign-out": "M10 4H4v16h6M15 8l4 4-4 4M9 12h10",
  phone: "M7 2.500h10v19H7zM11 18.500h2",
  desk: "M3 4h18v12H3zM8 20h8M12 16v4",
  theme: "M12 3a9 9 0 1 0 9 9 6.500 6.500 0 0 1-9-9z",
  pause: "M8 5v14M16 5v14",
  undo: "M8 5L4 9l4 4M4 9h10a5 5 0 0 1 0 10h-3",
  menu: "M4 7h16M4 12h16M4 17h16",
  diff: "M12 4v8M8 8h8M8 18h8",
} as const;

export type IconName = keyof typeof paths;

/** Those that point along the line of text turn with it. */
const turns = new Set<IconName>(["back", "forward", "send", "steer", "move", "sign-out", "undo", "external"]);

export function Icon({ name, class: extra }: { name: IconName; class?: string }) {
  return (
    <svg class={`icon${turns.has(name) ? " turns" : ""}${extra ? ` ${extra}` : ""}`} viewBox="0 0 24 24" fill="none"
      stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
