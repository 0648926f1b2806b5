declare const TOCSIN_VERSION: string | undefined;

/** The package's version; the build puts it in. */
export const version: string = typeof TOCSIN_VERSION === 'string' ? TOCSIN_VERSION : '0.0.0-source';
