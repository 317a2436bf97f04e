// What is wrong with the looks of a widget, in words; all is measured on the screen.
async (root) => {
  const faults = [];
  const say = (what, node) => faults.push(`${what}: ${(node.textContent || node.getAttribute('aria-label') || node.className.baseVal || node.className || node.tagName).trim().slice(0, 60)}`);
  const box = (node) => node.getBoundingClientRect();
  const seen = (node) => node.checkVisibility({visibilityProperty: true, opacityProperty: true}) && box(node).width > 0;
  const outer = box(root);

  // Cut: nothing leaves the frame of the widget, no text its picture, no label its box.
  for (const node of root.querySelectorAll('button, input, select, label, svg, table, canvas, .nnc-panel'))
    if (seen(node) && !node.closest('svg *') && !node.closest('.nnc-stage') && (box(node).right > outer.right + 1 || box(node).left < outer.left - 1)) say('leaves the widget', node);
  const texts = [...root.querySelectorAll('svg text')].filter((node) => node.textContent.trim() && seen(node));
  for (const node of texts) {
    const [a, b] = [box(node), box(node.ownerSVGElement)];
    if (a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 2 || a.bottom > b.bottom + 2) say('text is cut', node);
    if (parseFloat(getComputedStyle(node).fontSize) * node.getScreenCTM().a < 8.5) say('text is too small', node);
  }
  for (const node of root.querySelectorAll('button, select, label, h4'))
    if (seen(node) && node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).overflowX !== 'visible') say('label is cut', node);

  // Overlaps: texts of one picture do not cross each other, nor controls.
  const crossing = (nodes, gap) => {
    for (let i = 0; i < nodes.length; i++)
      for (let j = 0; j < i; j++) {
        const [a, b] = [box(nodes[i]), box(nodes[j])];
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > gap && down > 2 * gap) faults.push(`overlap: ${nodes[i].textContent.slice(0, 30)} | ${nodes[j].textContent.slice(0, 30)}`);
      }
  };
  for (const svg of root.querySelectorAll('svg')) crossing(texts.filter((node) => node.ownerSVGElement === svg), 2);
  crossing([...root.querySelectorAll('button, input, select')].filter((node) => seen(node) && !node.closest('.nnc-nodes')), 1);

  // Contrast (WCAG 2): 4.5 for text on its ground. A halo is the ground of the text that it surrounds.
  const parse = (colour) => { const c = colour.match(/[\d.]+/g)?.map(Number) ?? [0, 0, 0, 0]; return colour.startsWith('color(srgb') ? [...c.slice(0, 3).map((v) => 255 * v), c[3] ?? 1] : [c[0], c[1], c[2], c[3] ?? 1]; };
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0.5) return colour;
    }
    return [255, 255, 255];
  };
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const leaves = [...root.querySelectorAll('*')].filter((node) => seen(node) && !node.closest('svg') && !node.disabled && [...node.childNodes].some((one) => one.nodeType === 3 && one.textContent.trim()));
  for (const node of leaves) {
    const ratio = contrast(parse(getComputedStyle(node).color), ground(node));
    if (ratio < 4.5) say(`contrast ${ratio.toFixed(1)}`, node);
  }
  // A text without a halo may stand on a rectangle of the picture; outside the window nobody can tell.
  const under = (node) => {
    const [x, y] = [(box(node).left + box(node).right) / 2, (box(node).top + box(node).bottom) / 2];
    if (x < 0 || y < 0 || x > innerWidth || y > innerHeight) return null;
    const plate = document.elementsFromPoint(x, y).find((one) => one.tagName === 'rect' && one.ownerSVGElement === node.ownerSVGElement
      && getComputedStyle(one).fill !== 'none' && parse(getComputedStyle(one).fill)[3] > 0.5 && parseFloat(getComputedStyle(one).fillOpacity) > 0.5);
    return plate ? parse(getComputedStyle(plate).fill) : ground(node);
  };
  for (const node of texts) {
    const style = getComputedStyle(node);
    if (style.fill === 'none') continue;
    const below = style.stroke === 'none' ? under(node) : parse(style.stroke);
    const ratio = below ? contrast(parse(style.fill), below) : Infinity;
    if (ratio < 4.5) say(`contrast ${ratio.toFixed(1)}`, node);
  }

  // Names: what takes the focus says what it is; a picture says what it shows.
  for (const node of root.querySelectorAll('input, select, button, [tabindex="0"], [role=img]')) {
    const name = node.getAttribute('aria-label') || node.getAttribute('aria-labelledby') || node.textContent.trim() || (node.labels?.[0]?.textContent.trim());
    if (seen(node) && !name) faults.push(`no name: ${node.outerHTML.slice(0, 90)}`);
  }
  return [...new Set(faults)];
}
