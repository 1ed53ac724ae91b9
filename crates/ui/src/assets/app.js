// Replaces what has changed on the page when the server says that something has.
"use strict";

(() => {
  const root = document.documentElement;

  document.addEventListener("click", (event) => {
    if (!event.target.closest("#theme")) return;
    const isDark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    try { localStorage.setItem("theme", root.dataset.theme); } catch { /* it is not remembered */ }
  });

  // Makes `old` what `fresh` is, and leaves alone what is equal, what the user has opened, what
  // is scrolled and what is typed.
  const same = (old, fresh) =>
    old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName &&
    (old.id || "") === (fresh.id || "");
  const KEPT = { DETAILS: ["open"], INPUT: ["value"] };
  const update = (old, fresh) => {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) { old.nodeValue = fresh.nodeValue; return; }
    const kept = KEPT[old.nodeName] || [];
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (!kept.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    let child = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      if (child && same(child, next)) {
        update(child, next);
        child = child.nextSibling;
      } else {
        const known = next.id && old.querySelector(`:scope > [id="${CSS.escape(next.id)}"]`);
        if (known) { old.insertBefore(known, child); update(known, next); }
        else old.insertBefore(document.importNode(next, true), child);
      }
    }
    while (child) { const gone = child; child = child.nextSibling; gone.remove(); }
  };

  // Says what the point of a timeline that is nearest to the pointer is. What says it is beside
  // the parts that are replaced, and looks again when they were.
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  let pointer = null;
  const point = () => {
    const below = pointer && document.elementFromPoint(pointer.x, pointer.y);
    const chart = below && below.closest("svg.timeline");
    const middle = (dot) => {
      const box = dot.getBoundingClientRect();
      return { x: box.left + box.width / 2, y: box.top };
    };
    let nearest = null, distance = Infinity;
    for (const dot of chart ? chart.querySelectorAll("circle") : []) {
      const away = Math.abs(middle(dot).x - pointer.x);
      if (away < distance) [nearest, distance] = [dot, away];
    }
    tip.hidden = !nearest;
    if (!nearest) return;
    tip.textContent = nearest.textContent.trim();
    const { x, y } = middle(nearest);
    tip.style.left = `${Math.min(x + 8, innerWidth - tip.offsetWidth - 4)}px`;
    tip.style.top = `${Math.max(y - tip.offsetHeight - 6, 0)}px`;
  };
  document.addEventListener("pointermove", ({ clientX, clientY }) => {
    pointer = { x: clientX, y: clientY };
    point();
  });
  document.addEventListener("scroll", point, { passive: true });

  // What is said above the page of what the server says no more.
  const notice = document.createElement("p");
  notice.id = "notice";
  notice.className = "notice";
  notice.setAttribute("role", "status");
  notice.hidden = true;
  document.getElementById("main").before(notice);
  const clock = (date) => date.toLocaleTimeString("en-GB");
  let shownAt = new Date(), awaySince = null, losses = 0;
  const away = () => {
    losses += 1;
    awaySince = awaySince || new Date();
    root.classList.add("away");
    document.getElementById("liveness").textContent = `disconnected since ${clock(awaySince)}`;
  };
  const here = () => {
    shownAt = new Date();
    awaySince = null;
    root.classList.remove("away");
    notice.hidden = true;
  };
  const refused = (status) => {
    notice.textContent =
      status === 401
        ? "An access token is needed: open the address that the program has printed."
      : status < 500
        ? `The program does not keep this any more. This is how it was at ${clock(shownAt)}.`
      : `The program shows nothing new at this moment (${status}).`;
    notice.hidden = false;
  };

  let isBusy = false, isStale = false;
  const refresh = async () => {
    if (isBusy) { isStale = true; return; }
    isBusy = true;
    try {
      do {
        isStale = false;
        const before = losses;
        const response = await fetch(location.href.split("#")[0], { cache: "no-store" });
        const text = await response.text();
        // It says how things were before the server was lost; the next answer tells more.
        if (before !== losses) continue;
        // Somebody may be reading what is gone; but what was missing may be there now.
        const isRead = !document.querySelector("#main > .message");
        if (!response.ok && (isRead || response.status === 401)) {
          refused(response.status);
          continue;
        }
        const fresh = new DOMParser().parseFromString(text, "text/html");
        for (const id of ["main", "foot", "liveness"]) {
          const [old, now] = [document.getElementById(id), fresh.getElementById(id)];
          if (old && now) update(old, now);
        }
        here();
        point();
      } while (isStale && !document.hidden);
    } catch { /* the server is away; the stream of changes comes back when it does */ }
    isBusy = false;
  };

  // A page of a history does not change.
  if (!document.body.dataset.changes) return;

  // Only a page that is seen listens: browsers open few connections to one server, and pages
  // that were left or are behind others would take all of them. The first event comes at once.
  const AGAIN_MS = 3000;
  let changes = null, again = 0;
  const listen = () => {
    if (changes || document.hidden) return;
    changes = new EventSource(document.body.dataset.changes);
    changes.addEventListener("change", (event) => {
      const [id] = event.data.split(" ");
      if (id !== document.body.dataset.app) location.assign("/");
      else refresh();
    });
    changes.addEventListener("error", () => {
      away();
      // A browser tries again by itself, but not when it was refused. The page then says why, or
      // shows what is new after all.
      if (changes.readyState !== EventSource.CLOSED) return;
      rest();
      refresh();
      again = setTimeout(listen, AGAIN_MS);
    });
  };
  const rest = () => {
    clearTimeout(again);
    if (changes) changes.close();
    changes = null;
  };
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
  addEventListener("pagehide", rest);
  addEventListener("pageshow", listen);
  listen();
})();
