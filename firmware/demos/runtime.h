/* What a demo needs of the system: output and time, through Linux's system calls. */
#ifndef FW_DEMO_RUNTIME_H
#define FW_DEMO_RUNTIME_H

#include "../common/lib.h"

int main(int argc, char **argv);
int system_call(int number, long a, long b, long c);
void write_text(const char *text, u32 n);
int printf(const char *text, ...) __attribute__((format(printf, 1, 2)));
u32 milliseconds(void); /* since the first call */

#endif
