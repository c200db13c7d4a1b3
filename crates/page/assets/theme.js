// Light, dark, or as the system has it.

const KEY = 'waypost-theme';

function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function wear(theme) {
  if (theme === 'light' || theme === 'dark') {
    document.documentElement.dataset.theme = theme;
  } else {
    delete document.documentElement.dataset.theme;
  }
}

export function start(select) {
  const theme = remembered() ?? 'system';
  wear(theme);
  select.value = theme;
  select.addEventListener('change', () => {
    wear(select.value);
    try {
      localStorage.setItem(KEY, select.value);
    } catch {
      // It is in force until the page is left.
    }
  });
}
