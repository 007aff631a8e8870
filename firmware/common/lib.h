/* The part of a C library that the firmware and its demos need.  Freestanding: no libc underneath. */
#ifndef FW_LIB_H
#define FW_LIB_H

#include <stdarg.h>
#include <stddef.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* string.c */
void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
/* Copies at most size - 1 characters and always ends the string; returns the length of the copy. */
size_t strcopy(char *to, const char *from, size_t size);

/* format.c: %[-0][width][l](d i u x X o c s p %), handed to put() character by character; returns the
 * count. */
typedef void put_fn(void *state, char c);
int vformat(put_fn *put, void *state, const char *text, va_list args);
int vformat_string(char *to, size_t size, const char *text, va_list args);
int format_string(char *to, size_t size, const char *text, ...) __attribute__((format(printf, 3, 4)));

/* calendar.c: months and days count from 1. */
u32 seconds_since_1970(u32 year, u32 month, u32 day, u32 hour, u32 minute, u32 second);

/* parse.c: words and hexadecimal numbers of a command line. */
int hex_digit(int c);                     /* 0-15, or -1 */
int parse_hex(const char *s, u32 *value); /* optional 0x; 1 if all of s is a number that fits */
/* Cuts line in place, ends words with 0; returns the count. */
int split_words(char *line, char **words, int max);

#endif
