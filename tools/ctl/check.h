#pragma once

/* amoctl config check: what every program would make of a configuration file and of this environment, or of a
 * file of variables in place of it. Asks nobody: neither core nor the disk behind the settings, apart from the
 * users that they name. */

struct args;

/* The verb's operand is the file, of either kind; without it the environment is all there is. Prints all settings with where they come from, or every mistake.
 * Returns what amoctl exits with: 2 when a program would refuse this, or a variable is mistyped. */
int check_run(const struct args *a);
