#pragma once

/* What a configuration value must look like beyond its kind. Part of base/config.c, apart so
 * that the rules can be read in one place. */

/* NULL when @key may have @value, else what is wrong, as a constant text. Keys without a
 * rule take anything. */
const char *config_check(const char *key, const char *value);
