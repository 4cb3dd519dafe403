// pure

/** What a guest may make the host hold and parse. An answer: twice what the API server takes for an object. */
export const maxAnswerBytes = 8 * 1024 * 1024;
export const maxErrorBytes = 64 * 1024;
export const maxHostPayloadBytes = 4 * 1024 * 1024;
export const maxNameBytes = 1024;
