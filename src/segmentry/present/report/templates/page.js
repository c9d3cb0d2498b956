"use strict";
(() => {
  // Everything can be read without this script: it opens what a link leads to, opens the tables of
  // an open part for the analyst before print, and lets the picture in space be turned.
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    for (let each = target?.closest("details:not([open])"); each; each = each.parentElement.closest("details:not([open])")) each.open = true;
    target?.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  addEventListener("beforeprint", () => {
    for (const each of document.querySelectorAll("#analyst[open] details:not([open])")) {
      each.open = true;
      each.dataset.opened = "";
    }
  });
  addEventListener("afterprint", () => {
    for (const each of document.querySelectorAll("details[data-opened]")) {
      each.open = false;
      delete each.dataset.opened;
    }
  });

  const turn = document.getElementById("turn");
  const picture = document.querySelector(".figure-map_3d .picture > svg");
  if (!turn || !picture) return;
  const scene = JSON.parse(document.getElementById(turn.dataset.scene).textContent);
  const [azimuth, elevation] = turn.querySelectorAll("input");
  const [x0, y0, width, height] = picture.getAttribute("viewBox").split(" ").map(Number);
  const scale = Math.min(width / scene.wide / 2, height / (scene.top - scene.bottom));
  const [X, Y, Z] = scene.half;
  const ink = "#1c2126", muted = "#5b626a", rule = "#8d9197", grid = "#e3e0d8", paper = "#fdfcf9";

  const place = ([x, y, z]) => {
    const a = azimuth.value * Math.PI / 180, e = elevation.value * Math.PI / 180;
    const away = x * Math.sin(a) + y * Math.cos(a);
    return [
      (x0 + width / 2 + scale * (x * Math.cos(a) - y * Math.sin(a))).toFixed(1),
      (y0 + scale * (scene.top - z * Math.cos(e) - away * Math.sin(e))).toFixed(1),
      away * Math.cos(e) - z * Math.sin(e),
    ];
  };
  const line = (from, to, stroke, thick) => {
    const [a, b] = place(from), [c, d] = place(to);
    return `<line x1="${a}" y1="${b}" x2="${c}" y2="${d}" stroke="${stroke}" stroke-width="${thick}"/>`;
  };
  const text = (at, words, fill, extra) => {
    const [x, y] = place(at), node = document.createElement("i");
    node.textContent = words;
    return `<text x="${x}" y="${y}" dy="4" text-anchor="middle" fill="${fill}" ${extra}>${node.innerHTML}</text>`;
  };
  const byDepth = (rows) => rows.map((row) => [...place(row), row[3], row])
    .sort((one, other) => other[2] - one[2]);

  const draw = () => {
    const parts = [];
    const left = [[-X, -Y], [-X, Y], [X, -Y], [X, Y]].sort((a, b) => place([...a, 0])[0] - place([...b, 0])[0])[0];
    for (const t of [-1, -0.5, 0, 0.5, 1]) {
      parts.push(line([t * X, -Y, -Z], [t * X, Y, -Z], grid, 1));
      parts.push(line([-X, t * Y, -Z], [X, t * Y, -Z], grid, 1));
    }
    parts.push(line([-X, -Y, -Z], [X, -Y, -Z], rule, 1.5), line([X, -Y, -Z], [X, Y, -Z], rule, 1.5),
      line([...left, -Z], [...left, Z], rule, 1.5));
    [[0, -Y - 0.14, -Z], [X + 0.14, 0, -Z], [...left, Z + 0.09]].forEach((at, i) =>
      parts.push(text(at, scene.axes[i], muted, 'font-size="12"')));
    for (const [x, y, depth, id] of byDepth(scene.points)) {
      const size = (2.9 - 0.8 * (depth + 1.4)).toFixed(1);
      parts.push(`<circle cx="${x}" cy="${y}" r="${Math.max(1.4, size)}" fill="${scene.colours[id]}" opacity="0.55"/>`);
    }
    for (const at of scene.centers) parts.push(line(at, [at[0], at[1], -Z], ink, 1));
    for (const [x, y, , id, at] of byDepth(scene.centers)) {
      parts.push(`<circle cx="${x}" cy="${y}" r="10" fill="${scene.colours[id]}" stroke="${paper}" stroke-width="2"/>`);
      parts.push(text(at, String(id), scene.inks[id], 'font-size="12" font-weight="700"'));
    }
    for (const old of picture.querySelectorAll(":scope > :not(title):not(desc)")) old.remove();
    const layer = document.createElementNS("http://www.w3.org/2000/svg", "g");
    layer.innerHTML = parts.join("");
    picture.append(layer);
  };

  let requested = 0;
  const later = () => { cancelAnimationFrame(requested); requested = requestAnimationFrame(draw); };
  turn.hidden = false;
  turn.addEventListener("input", later);
  picture.parentElement.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, 3], ArrowDown: [0, -3] }[event.key];
    if (!step) return;
    event.preventDefault();
    azimuth.value = (Number(azimuth.value) + step[0] + 360) % 360;
    elevation.value = Number(elevation.value) + step[1];
    later();
  });
})();
