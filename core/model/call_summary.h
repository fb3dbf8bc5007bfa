#pragma once

/* What came of one call, as a sentence for the person who asked for it. Pure. */

#include "base/buf.h"
#include "proto/command.h"

/* How far it came when there is no answer: "DNS: …", "TLS: …". False, and nothing added, when
 * there is an answer. @allow is what an operator does who means a private address; NULL: it
 * cannot be. Appends; errors stick in the buf. */
bool call_summary_no_answer(const struct result *r, const char *allow, struct buf *out);
/* The same for a connector's answer of any status, ours or not. */
void call_summary_connector(const struct result *r, struct buf *out);
/* Whole days until the certificate's end; negative when it is over. */
int64_t call_summary_cert_days(const struct result *r, int64_t now_ms);
/* The beginning of what the other side said. */
struct view call_summary_heard(const struct result *r);
