// Keeps a page fresh while it is looked at, counts down, and listens for keys.
// Everything here is a convenience: the page does all it has to without it.
"use strict";
(() => {
  const now = Number(document.currentScript.dataset.now);
  const skew = now - Date.now();
  const main = document.getElementById("main");
  const offline = document.getElementById("offline");

  // The server writes lengths of time in the same way.
  const span = (seconds) => {
    if (seconds < 120) return `${seconds} s`;
    if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 172800) return `${Math.floor(seconds / 3600)} h`;
    return `${Math.floor(seconds / 86400)} days`;
  };

  const age = (seconds) => {
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
    if (seconds < 172800) return "1 day";
    return `${Math.floor(seconds / 86400)} days`;
  };

  const tick = () => {
    const at = Date.now() + skew;
    let over = false;
    for (const time of document.querySelectorAll("time[data-until]")) {
      const left = Math.floor((Number(time.dataset.until) - at) / 1000);
      time.textContent = span(Math.max(left, 0));
      time.closest(".left")?.classList.toggle("soon", left < 120);
      if (left < 0 && !time.dataset.over) {
        time.dataset.over = "1";
        over = true;
      }
    }
    for (const time of document.querySelectorAll("time[data-at]")) {
      const ahead = Math.trunc((Number(time.dataset.at) - at) / 1000);
      if (ahead > 0) time.textContent = `in ${span(ahead)}`;
      else time.textContent = ahead > -10 ? "just now" : `${age(-ahead)} ago`;
    }
    if (over) setTimeout(refresh, 400);
    // What comes from elsewhere wakes no stream: who waits for it looks.
    if (main.querySelector("[data-watch]") && !document.hidden && Math.floor(at / 1000) % 2 === 0) refresh();
  };

  // Takes over what the reader has done to the page, so that news does not undo it.
  const carry = (fresh) => {
    const focused = document.activeElement;
    for (const old of main.querySelectorAll("textarea, input:not([type=hidden]), select")) {
      const field = old.id && fresh.querySelector(`#${old.id}`);
      if (field) {
        field.value = old.value;
        field.checked = old.checked;
      }
    }
    for (const old of main.querySelectorAll("details[id]")) {
      const field = fresh.querySelector(`#${old.id}`);
      if (field) field.open = old.open;
    }
    const known = new Set([...main.querySelectorAll("a.row")].map((row) => row.pathname));
    for (const row of fresh.querySelectorAll("#yours a.row, #others a.row")) {
      if (!known.has(new URL(row.href).pathname)) row.classList.add("fresh");
    }
    const scrolls = [...main.querySelectorAll(".scroll")].map((box) => box.scrollTop);
    const held = main.contains(focused) ? focused : null;
    return () => {
      main.querySelectorAll(".scroll").forEach((box, index) => { box.scrollTop = scrolls[index] ?? 0; });
      if (!held) return;
      const again = held.id
        ? document.getElementById(held.id)
        : [...main.querySelectorAll("a.row")].find((row) => row.pathname === held.pathname);
      again?.focus({ preventScroll: true });
      if (again instanceof HTMLTextAreaElement) {
        again.setSelectionRange(focused.selectionStart, focused.selectionEnd);
      }
    };
  };

  // What a reader would notice; times tick by themselves.
  const essence = (node) => {
    const copy = node.cloneNode(true);
    copy.querySelectorAll("time, textarea, select, dialog").forEach((part) => part.remove());
    return copy.textContent.replace(/\s+/g, " ");
  };

  const engaged = () => main.querySelector("dialog[open], .notice[role=alert], .lacking, #new-link");

  let busy = false;
  let again = false;
  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    try {
      // What the reader must see first stays; after a refused form the address is not the page's.
      if (engaged()) return;
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, redirect: "follow" });
      if (answer.redirected) { location.assign(answer.url); return; }
      // What only a form brings, no look brings back.
      if (answer.status === 405) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("main");
      if (!fresh || engaged()) return;
      if (essence(fresh) === essence(main)) return;
      const restore = carry(fresh);
      main.replaceChildren(...document.importNode(fresh, true).childNodes);
      restore();
      document.title = page.title;
      ready();
    } catch {
      offline.hidden = false;
    } finally {
      busy = false;
      if (again) { again = false; refresh(); }
    }
  }

  // A page that nobody looks at holds no connection open.
  let stream = null;
  let late = 0;
  const listen = () => {
    if (stream || document.hidden) return;
    stream = new EventSource("/live");
    stream.addEventListener("open", () => {
      clearTimeout(late);
      offline.hidden = true;
      // Something may have happened between the page and this stream.
      refresh();
    });
    stream.addEventListener("changed", refresh);
    stream.addEventListener("error", () => {
      clearTimeout(late);
      late = setTimeout(() => { offline.hidden = false; }, 3000);
      if (stream?.readyState === EventSource.CLOSED) {
        stream = null;
        setTimeout(() => { refresh(); listen(); }, 5000);
      }
    });
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else {
      refresh();
      listen();
    }
  });

  const help = () => {
    const box = document.createElement("dialog");
    const list = document.createElement("ul");
    for (const [key, what] of [["j / k", "next / previous"], ["Enter", "open"], ["a", "go to Approve"], ["r", "go to Reject"], ["i", "inbox"], ["?", "this list"]]) {
      const line = document.createElement("li");
      const name = document.createElement("kbd");
      name.textContent = key;
      line.append(what, name);
      list.append(line);
    }
    const close = document.createElement("button");
    close.textContent = "Close";
    close.addEventListener("click", () => box.close());
    box.addEventListener("close", () => box.remove());
    box.setAttribute("aria-label", "Keys");
    box.append(list, close);
    main.append(box);
    box.showModal();
  };

  // Keys only move the focus. Nothing is decided without pressing the button itself.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("textarea, input, select, dialog")) return;
    const rows = [...main.querySelectorAll("a.row")];
    const at = rows.indexOf(document.activeElement);
    const act = {
      j: () => rows[Math.min(at + 1, rows.length - 1)]?.focus(),
      k: () => rows[Math.max(at - 1, 0)]?.focus(),
      a: () => document.getElementById("approve")?.focus(),
      r: () => document.getElementById("reject")?.focus(),
      i: () => location.assign("/"),
      "?": help,
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  const ready = () => {
    const keys = document.getElementById("keys");
    if (keys && matchMedia("(hover: hover) and (pointer: fine)").matches) keys.hidden = false;
    tick();
  };
  ready();
  setInterval(tick, 1000);
  listen();
})();
