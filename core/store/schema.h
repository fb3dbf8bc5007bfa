#pragma once

/* The numbered migrations of core's store: 1 … schema_count(). */

int schema_count(void);
/* SQL of migration @number (from 1). */
const char *schema_migration(int number);
