/** Where uploads are created, on every local stage. */
export const uploadPath = '/files/'
