// Turns the pages of slides that were made by slides.py. It loads nothing and keeps nothing.
"use strict";
(() => {
  const root = document.documentElement;
  const slides = [...document.querySelectorAll(".slide")];
  const byId = (id) => document.getElementById(id);
  const SMALLEST = 0.62; // of the usual size of letters; what needs less is scrolled
  let current = 0;
  let notes = null;

  const steps = (slide) => [...slide.querySelectorAll(".later")];
  const waiting = (slide) => [...slide.querySelectorAll(".later.waiting")];
  const overview = () => document.body.classList.contains("overview");

  // Fit: slightly smaller letters, then code and picture side by side, then a lower picture, then
  // what is legible. Side by side no line of code may be broken or cut.

  const wide = (box) => box.scrollWidth > box.clientWidth + 1;
  const overflows = (box) =>
    box.scrollHeight > box.clientHeight + 1 || wide(box) ||
    [...box.querySelectorAll(".drawn pre.code")].some(wide);

  function fit(slide) {
    const box = slide.querySelector(".content");
    const drawn = slide.querySelector(".drawn") !== null;
    const tries = [
      [1, 0.8, ""], [1, 0.8, "beside"], [1, 0.8, "low"], [0.76, 0.72, "beside"], [0.76, 0.72, "low"],
      [0.8, 0.72, "lower"], [0.76, SMALLEST, ""], [0.68, SMALLEST, "beside"],
    ];
    for (const [from, to, layout] of tries) {
      if (layout && !drawn) continue;
      for (const name of ["beside", "low", "lower"]) box.classList.toggle(name, name === layout);
      for (let size = from; size >= to - 0.001; size -= 0.04) {
        box.style.setProperty("--size", size.toFixed(2));
        if (!overflows(box)) return true;
      }
    }
    return false;
  }

  // Chromium gives a root the width of its widest sign, which leaves a gap behind it.
  function closeRoots() {
    const right = (element) => element.getBoundingClientRect().right;
    const scale = document.querySelector("main").getBoundingClientRect().width / 1280;
    for (const one of document.querySelectorAll("msqrt")) {
      const gap = (right(one) - Math.max(...[...one.children].map(right))) / scale;
      const size = parseFloat(getComputedStyle(one).fontSize);
      if (gap > 0.02 * size) one.style.marginRight = `${-gap / size}em`;
    }
  }

  // Where we are, and how to go elsewhere.

  function show(number, revealed) {
    current = Math.min(Math.max(number, 0), slides.length - 1);
    slides.forEach((slide, index) => slide.classList.toggle("current", index === current));
    if (revealed !== undefined) {
      steps(slides[current]).forEach((one) => one.classList.toggle("waiting", !revealed));
    }
    byId("number").textContent = `${current + 1} / ${slides.length}`;
    location.replace(`#${current + 1}`);
    if (overview()) slides[current].scrollIntoView({ block: "nearest" });
    showNotes();
  }

  const addressed = () => (parseInt(location.hash.slice(1), 10) || 1) - 1;

  function on() {
    const next = waiting(slides[current])[0];
    if (next && !overview()) next.classList.remove("waiting");
    else if (current < slides.length - 1) show(current + 1, false);
  }

  function back() {
    const seen = steps(slides[current]).filter((one) => !one.classList.contains("waiting"));
    if (seen.length && !overview()) seen.at(-1).classList.add("waiting");
    else if (current > 0) show(current - 1, true);
  }

  function toggleOverview(wanted = !overview()) {
    document.body.classList.toggle("overview", wanted);
    show(current);
  }

  function toggleAnswers() {
    const answers = [...slides[current].querySelectorAll("details")];
    const open = answers.some((one) => !one.open);
    answers.forEach((one) => (one.open = open));
  }

  function toggleTheme() {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = root.style.colorScheme || (dark ? "dark" : "light");
    root.style.colorScheme = now === "dark" ? "light" : "dark";
  }

  function toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else root.requestFullscreen();
  }

  // The lecturer's own window: notes, what comes next, the time.

  function openNotes() {
    notes = window.open("", "notes", "width=720,height=520");
    showNotes();
    if (notes) setInterval(() => notes.closed || showNotes(), 10000);
  }

  function showNotes() {
    if (!notes || notes.closed) return;
    const words = byId("notes-page").dataset;
    const page = notes.document;
    const add = (tag, text) => {
      const element = page.createElement(tag);
      element.textContent = text;
      page.body.append(element);
      return element;
    };
    page.title = words.title;
    page.body.replaceChildren();
    page.body.style.cssText = "font:20px/1.5 system-ui, sans-serif;margin:1.5rem";
    const time = new Date().toTimeString().slice(0, 5);
    add("p", `${current + 1} / ${slides.length} · ${time}`).style.color = "#666";
    add("h2", slides[current].dataset.title);
    const own = slides[current].querySelector("aside");
    add("div", own ? "" : words.empty).innerHTML += own ? own.innerHTML : "";
    const next = slides.slice(current + 1).find((slide) => slide.dataset.title);
    if (next) add("p", `${words.next}: ${next.dataset.title}`).style.color = "#666";
  }

  // Keys go by their place, so that they work with a Russian keyboard too.

  const KEYS = {
    ArrowRight: on, ArrowDown: on, PageDown: on, Space: on,
    ArrowLeft: back, ArrowUp: back, PageUp: back,
    Home: () => show(0, false), End: () => show(slides.length - 1, true),
    KeyO: () => toggleOverview(), Escape: () => toggleOverview(),
    KeyA: toggleAnswers, KeyD: toggleTheme, KeyN: openNotes, KeyF: toggleFullScreen,
    Slash: () => byId("keys").showModal(),
  };

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || byId("keys").open) return;
    const place = event.target.closest("summary, button, a[href], video, [tabindex]");
    if (place && (event.code === "Space" || event.code === "Enter")) return;
    if (overview() && event.code === "Enter") toggleOverview(false);
    else if (event.code === "Space" && event.shiftKey) back();
    else if (KEYS[event.code]) KEYS[event.code]();
    else return;
    event.preventDefault();
  });

  slides.forEach((slide, index) => {
    slide.addEventListener("click", () => {
      if (!overview()) return;
      toggleOverview(false);
      show(index);
    });
    // "toggle" does not bubble, but it can be caught on its way down.
    slide.addEventListener("toggle", () => fit(slide), true);
  });
  byId("on").addEventListener("click", on);
  byId("back").addEventListener("click", back);
  byId("help").addEventListener("click", () => byId("keys").showModal());
  byId("keys").addEventListener("click", () => byId("keys").close());

  // On paper all steps and answers are seen, and each slide has to fit with them.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    opened.forEach((one) => (one.open = true));
    slides.forEach(fit);
  });
  addEventListener("afterprint", () => {
    opened.forEach((one) => (one.open = false));
    slides.forEach(fit);
  });

  function resize() {
    const scale = Math.min(innerWidth / 1280, innerHeight / 720);
    root.style.setProperty("--scale", scale);
  }

  function start() {
    document.body.classList.add("deck");
    document.querySelector("nav").hidden = false;
    resize();
    addEventListener("resize", resize);
    slides.forEach((slide) => steps(slide).forEach((one) => one.classList.add("waiting")));
    show(addressed(), false);
    addEventListener("hashchange", () => addressed() !== current && show(addressed(), false));
    const pictures = [...document.images].map((one) => one.decode().catch(() => {}));
    return Promise.all([document.fonts.load("20px Formulas"), ...pictures]).then(() => {
      closeRoots();
      const whole = slides.map(fit);
      root.dataset.ready = whole.every(Boolean) ? "all slides fit" : "some slides are scrolled";
    });
  }

  start();
})();
