// Configuration paths, as the router reads and writes them: a part that has more than letters, digits and -_@: is quoted.

export function join(...parts) {
  return parts.map((part) => (/^[\p{L}\p{N}\-_@:]+$/u.test(part) ? part : `"${part}"`)).join('.');
}

export function split(path) {
  const parts = [];
  const pattern = /"([^"]*)"|([^.]+)/g;
  for (const [, quoted, bare] of path.matchAll(pattern)) parts.push(quoted ?? bare);
  return parts;
}
