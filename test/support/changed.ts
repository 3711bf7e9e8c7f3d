/** The same with some of its methods replaced. */
export function changed<T extends object>(whole: T, parts: Partial<T>): T {
  return new Proxy(whole, {
    get: (target, key) => {
      const value: unknown = Reflect.get(parts, key) ?? Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
