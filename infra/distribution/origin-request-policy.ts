/**
 * AWS's own policy AllViewerExceptHostHeader: the API and the app get the viewer's query, cookies and headers, but their own
 * host name. The bucket gets none of these: its behaviours name no origin request policy.
 */
export const allViewerExceptHostHeader = 'b689b0a8-53d0-40ab-baf2-68738e2966ac'
