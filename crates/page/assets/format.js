// Numbers and times for people.

function scaled(value, units, base) {
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

export const bits = (value) => scaled(value, ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'], 1000);
export const octets = (value) => scaled(value, ['B', 'KiB', 'MiB', 'GiB', 'TiB'], 1024);
export const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

// Seconds as `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`.
export function span(seconds) {
  const parts = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
  const first = parts.findIndex(([, size]) => seconds >= size);
  if (first < 0) return '0 s';
  let left = seconds;
  const told = parts.slice(first, first + 2).map(([name, size]) => {
    const whole = Math.floor(left / size);
    left -= whole * size;
    return whole > 0 ? `${whole} ${name}` : '';
  });
  return told.filter(Boolean).join(' ');
}

// Seconds as `1:05`.
export function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

// Seconds since 1970 as local date and time.
export function moment(seconds) {
  const time = new Date(seconds * 1000);
  const two = (number) => String(number).padStart(2, '0');
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

// A configured value in one line.
export function value(of) {
  if (of === null || of === undefined) return '(not set)';
  return typeof of === 'string' ? of : JSON.stringify(of);
}

// What sorts eth2 before eth10.
export const natural = new Intl.Collator('en', { numeric: true }).compare;
