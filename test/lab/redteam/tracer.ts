// The function tracer, switched on and off while patched modules are loaded and used.

/** Starts it. Functions of modules are traced, from their loading on; their first functions as well. */
export const START_TRACER = `T=/sys/kernel/tracing
echo 64 > $T/buffer_size_kb; echo 1 > $T/options/overwrite
while read -r path rest; do
  name=\${path##*/}; name=\${name%.ko}
  echo ":mod:$(echo "$name" | tr - _)" >> $T/set_ftrace_filter
done < /files/list
(while [ ! -e /tmp/enough ]; do
  echo function > $T/current_tracer; sleep 0.4
  wc -l < $T/enabled_functions >> /out/tracer
  echo nop > $T/current_tracer; sleep 0.4
done; touch /tmp/ended) &`;

/** Ends it, with the tracer off. */
export const END_TRACER = `touch /tmp/enough
while [ ! -e /tmp/ended ]; do sleep 0.2; done
cat /proc/sys/kernel/ftrace_enabled > /out/tracer-enabled`;

export interface Tracing {
  /** How often it was on. */
  readonly switched: number;
  /** Functions that it was at, at most. */
  readonly functions: number;
  /** It has not turned itself off for good. */
  readonly works: boolean;
}

/** @param read the lines of a file of /out */
export function readTracing(read: (name: string) => readonly string[]): Tracing {
  const counts = read('tracer').map(Number);
  return { switched: counts.length, functions: Math.max(0, ...counts), works: read('tracer-enabled')[0] === '1' };
}
