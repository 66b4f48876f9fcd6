// Values under the pointer, read from the curves themselves; all charts of one time axis follow.
(() => {
  const plots = [...document.querySelectorAll('svg.plot[data-from]')];
  const tip = document.createElement('div');
  tip.id = 'tip';
  tip.hidden = true;
  document.body.append(tip);
  const short = v => Math.abs(v) >= 100 || v === 0 ? v.toFixed(0) : Math.abs(v) >= 10 ? v.toFixed(1) : v.toFixed(2);
  const scaled = (v, base, names) => { let i = 0; while (Math.abs(v) >= base && i < names.length - 1) { v /= base; i++; } return (short(v) + ' ' + names[i]).trim(); };
  const print = {
    records: v => scaled(v, 1000, ['', 'k', 'M', 'G']),
    rate: v => scaled(v, 1000, ['/s', 'k/s', 'M/s', 'G/s']),
    seconds: v => v === 0 ? '0 s' : v < 1e-3 ? short(v * 1e6) + ' µs' : v < 1 ? short(v * 1e3) + ' ms' : short(v) + ' s',
    bytes: v => scaled(v, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB']),
    ratio: v => short(v * 100) + ' %',
    factor: v => short(v) + ' ×',
  };
  const clock = t => { const s = Math.floor(Math.abs(t)), two = n => String(n).padStart(2, '0'), h = Math.floor(s / 3600), m = Math.floor(s / 60) % 60;
    return (t < 0 ? '-' : '') + (h ? h + ':' + two(m) : m) + ':' + two(s % 60); };
  const curves = new Map();
  const curve = path => {
    if (!curves.has(path)) {
      const points = [];
      let y = 0;
      for (const [, kind, x, to] of path.getAttribute('d').matchAll(/([MLH])(-?\d+)(?: (-?\d+))?/g)) {
        if (kind === 'M' && points.length) points.push([+x, NaN]);
        if (kind !== 'H') y = +to;
        points.push([+x, y]);
      }
      curves.set(path, points);
    }
    return curves.get(path);
  };
  const value = (svg, path, share) => {
    const points = curve(path), x = share * 10000;
    if (!points.length || x < points[0][0] || x > points.at(-1)[0]) return NaN;
    let low = 0, high = points.length - 1;
    while (high - low > 1) { const middle = (low + high) >> 1; if (points[middle][0] <= x) low = middle; else high = middle; }
    if (Number.isNaN(points[low][1]) || Number.isNaN(points[high][1])) return NaN;
    const nearest = x - points[low][0] < points[high][0] - x ? points[low] : points[high];
    const up = 1 - nearest[1] / 10000, from = +svg.dataset.low, to = +svg.dataset.high;
    return 'log' in svg.dataset ? 10 ** (from + up * (to - from)) : from + up * (to - from);
  };
  const clear = () => { tip.hidden = true; document.querySelectorAll('.crosshair').forEach(line => line.remove()); };
  const show = (svg, event) => {
    const box = svg.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    clear();
    if (share < 0 || share > 1) return;
    const from = +svg.dataset.from, to = +svg.dataset.to, at = from + share * (to - from);
    for (const other of plots) {
      const f = +other.dataset.from, t = +other.dataset.to;
      if (at < f || at > t) continue;
      const line = document.createElementNS('http://www.w3.org/2000/svg', 'line');
      const x = (at - f) / (t - f) * 100 + '%';
      line.setAttribute('class', 'crosshair');
      line.setAttribute('x1', x); line.setAttribute('x2', x); line.setAttribute('y2', other.getAttribute('height'));
      other.append(line);
    }
    const time = document.createElement('b');
    time.textContent = clock(at);
    tip.replaceChildren(time);
    for (const path of svg.querySelectorAll('path[data-name]')) {
      const v = value(svg, path, share), row = document.createElement('div'), name = document.createElement('i');
      name.textContent = path.dataset.name + '  ';
      row.append(name, Number.isNaN(v) ? 'no data' : print[svg.dataset.unit](v));
      tip.append(row);
    }
    tip.hidden = false;
    const left = Math.min(event.pageX + 14, scrollX + document.documentElement.clientWidth - tip.offsetWidth - 8);
    tip.style.left = Math.max(4, left) + 'px';
    tip.style.top = event.pageY + 16 + 'px';
  };
  for (const svg of plots) {
    svg.addEventListener('pointermove', event => show(svg, event));
    svg.addEventListener('pointerleave', clear);
  }
})();
