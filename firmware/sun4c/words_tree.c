/* Words for the device tree and the options. */
#include "console.h"
#include "devices.h"
#include "nvram.h"
#include "words.h"

static struct node *current;

static struct node *here(void)
{
    return current ? current : tree_root;
}

/* The node of the next word, or the current one; null after a complaint. */
static struct node *wanted(void)
{
    char *path = words_next();
    char full[PATH_SIZE];
    const char *arguments;

    if (!path)
        return here();
    struct node *node = tree_find(here(), path, &arguments);
    if (!node && tree_expand(path, full))
        node = tree_find(tree_root, full, &arguments);
    if (!node)
        words_fail("%s: no such device; show-devs lists them", path);
    return node;
}

static void print_path(const struct node *node)
{
    char path[PATH_SIZE];

    tree_path(node, path, sizeof path);
    printf("%s\n", path);
}

static void print_tree(const struct node *node)
{
    print_path(node);
    for (node = node->child; node; node = node->next)
        print_tree(node);
}

static void run_show(void)
{
    struct node *node = wanted();

    if (node)
        print_tree(node);
}

static void run_go_to(void)
{
    struct node *node = wanted();

    if (node)
        current = node;
}

static void run_where(void)
{
    print_path(here());
}

static void run_list(void)
{
    char name[PATH_SIZE];

    for (const struct node *n = here()->child; n; n = n->next) {
        tree_name(n, name, sizeof name);
        printf("%08x %s\n", (u32)(size_t)n, name);
    }
}

/* Text if it looks like it, else words, else bytes. */
static void print_value(const u8 *value, u32 length)
{
    u32 i = 0;

    while (i + 1 < length && value[i] >= ' ' && value[i] < 127)
        i++;
    if (length && i == length - 1 && !value[i]) {
        printf("%s", (const char *)value);
        return;
    }
    for (i = 0; i < length; i++)
        printf("%s%02x", i && (length % 4 || i % 4 == 0) ? " " : "", value[i]);
}

static void run_properties(void)
{
    struct node *node = wanted();

    if (!node)
        return;
    for (const struct property *p = node->properties; p; p = p->next) {
        printf("%s", p->name);
        for (size_t n = strlen(p->name); n < 24; n++)
            console_put(' ');
        print_value(p->value, p->length);
        console_put('\n');
    }
}

static void print_option(const struct option *o)
{
    printf("%s", o->name);
    for (size_t n = strlen(o->name); n < 22; n++)
        console_put(' ');
    printf("%s", option_get(o->name));
    for (size_t n = strlen(option_get(o->name)); n < 24; n++)
        console_put(' ');
    printf("%s\n", o->standard);
}

static const struct option *find(const char *name)
{
    const struct option *o = nvram_options;

    while (o->name && strcmp(o->name, name))
        o++;
    if (!o->name)
        words_fail("%s: no such option; printenv lists them", name);
    return o->name ? o : 0;
}

static void run_print(void)
{
    char *name = words_next();
    const struct option *one = name ? find(name) : 0;

    if (one)
        print_option(one);
    else if (!name) {
        printf("Option                Value                   Default\n");
        for (const struct option *o = nvram_options; o->name; o++)
            print_option(o);
    }
}

static void set(const char *name, const char *value)
{
    const char *arguments;

    if (option_set(name, value) < 0)
        words_fail("%s: a value has at most %u characters", name, OPTION_SIZE - 1);
    else
        tree_set(tree_find(tree_root, "/options", &arguments), name, value, (u32)strlen(value) + 1);
}

static void run_set(void)
{
    char *name = words_next();

    if (!name)
        words_fail("setenv NAME VALUE");
    else if (find(name)) {
        set(name, words_rest());
        printf("%s = %s\n", name, option_get(name));
    }
}

static void run_default(void)
{
    char *name = words_next();
    const struct option *one = name ? find(name) : 0;

    if (one)
        set(one->name, one->standard);
    else if (!name)
        words_fail("set-default NAME");
}

static void run_defaults(void)
{
    for (const struct option *o = nvram_options; o->name; o++)
        set(o->name, o->standard);
}

const struct word tree_words[] = {
    {"show-devs", "[DEVICE]", "lists devices", 0, run_show},
    {"cd", "[DEVICE]", "goes to a device: a path, a name, .. or an alias", 0, run_go_to},
    {"dev", "[DEVICE]", "the same", 0, run_go_to},
    {"pwd", "", "shows where that is", 0, run_where},
    {"ls", "", "lists the devices below it", 0, run_list},
    {".properties", "[DEVICE]", "lists its properties", 0, run_properties},
    {".attributes", "[DEVICE]", "the same", 0, run_properties},
    {"printenv", "[NAME]", "shows options", 0, run_print},
    {"setenv", "NAME VALUE", "changes an option", 0, run_set},
    {"set-default", "NAME", "gives an option its default", 0, run_default},
    {"set-defaults", "", "gives all options their defaults", 0, run_defaults},
    {0, 0, 0, 0, 0},
};
