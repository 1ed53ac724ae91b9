// Sets the theme that was chosen, before anything is drawn in another one.
"use strict";

try {
  const remembered = localStorage.getItem("theme");
  if (remembered) document.documentElement.dataset.theme = remembered;
} catch { /* nothing is remembered */ }
