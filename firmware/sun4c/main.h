/* What main.c offers to the prompt. */
#ifndef FW_MAIN_H
#define FW_MAIN_H

void print_banner(void);

#endif
