/* Two sorts of the same numbers: recursion, function pointers, word and long comparisons. */
#include "runtime.h"

static int numbers[32];
static short words[32];

static int by_value(const int *a, const int *b)
{
	return *a < *b ? -1 : *a > *b;
}

static int by_low_byte(const int *a, const int *b)
{
	return (signed char)*a - (signed char)*b;
}

static void quick(int *first, int *last, int (*order)(const int *, const int *))
{
	if (first >= last)
		return;
	int *low = first, *high = last, pivot = first[(last - first) / 2];
	while (low <= high) {
		while (order(low, &pivot) < 0)
			low++;
		while (order(high, &pivot) > 0)
			high--;
		if (low <= high) {
			int other = *low;
			*low++ = *high;
			*high-- = other;
		}
	}
	quick(first, high, order);
	quick(low, last, order);
}

static void shell(short *base, int count)
{
	for (int gap = count / 2; gap; gap /= 2)
		for (int i = gap; i < count; i++)
			for (int k = i - gap; k >= 0 && base[k] > base[k + gap]; k -= gap) {
				short other = base[k];
				base[k] = base[k + gap];
				base[k + gap] = other;
			}
}

static int run(void)
{
	u32 seed = 12345;
	for (int i = 0; i < 32; i++) {
		seed = seed * 1103515245u + 12345;
		numbers[i] = (int)seed >> 5;
		words[i] = seed >> 16;
	}
	quick(numbers, numbers + 31, by_value);
	shell(words, 32);
	u32 sum = 0;
	for (int i = 1; i < 32; i++) {
		if (numbers[i - 1] > numbers[i] || words[i - 1] > words[i])
			return 1;
		sum = sum * 31 + numbers[i] + words[i];
	}
	quick(numbers, numbers + 15, by_low_byte);
	print_hex(sum);
	return 0;
}
