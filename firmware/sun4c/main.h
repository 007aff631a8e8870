/* What main.c offers to the prompt and to whom comes back to it. */
#ifndef FW_MAIN_H
#define FW_MAIN_H

void print_banner(void);
void open_console(void);

#endif
