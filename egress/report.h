#pragma once

/* Results on their way to core; the rest of it is in egress/transfer.h. */

struct transfers;

void report_init(struct transfers *ts);
void report_fini(struct transfers *ts);
