/* Ethernet as boot programs see it through the boot table: NetBSD sun68k/stand/libsa/saio.h. Their buffers
 * are copied, so they may be anywhere. */
#include "ether.h"
#include "console.h"
#include "drivers.h"
#include "eeprom.h"
#include "mmu.h"
#include "trap.h"

/* Functions of an interface; their first argument is what open put into the request's data. */
struct interface {
    int (*send)(const struct ether_chip *chip, const u8 *frame, int n); /* 0 is good */
    int (*poll)(const struct ether_chip *chip, u8 *frame);              /* bytes, or 0 */
    int (*reset)(const struct ether_chip *chip, struct io_request *r);
    int (*address)(u8 *to);
};

const u8 *ether_address(void)
{
    return idprom_read()->ether;
}

int ether_start(const struct ether_chip *chip)
{
    if (!chip->probe()) {
        printf("There is no Ethernet chip %s0\n", chip->name);
        return -1;
    }
    control_put8(CONTROL_ENABLE, control_get8(CONTROL_ENABLE) | ENABLE_DVMA);
    mmu_set_pte(VA_ETHER_MEMORY, PTE_VALID | PTE_WRITE | PTE_SYSTEM | PTE_NO_CACHE | mmu_ether_page());
    return chip->start(ether_address());
}

static int interface_send(const struct ether_chip *chip, const u8 *frame, int n)
{
    if (n < ETHER_HEADER || n > ETHER_LARGEST)
        return -1;
    memcpy(chip->out, frame, (size_t)n);
    if (n < ETHER_SHORTEST)
        memset(chip->out + n, 0, (size_t)(ETHER_SHORTEST - n));
    return chip->send(n < ETHER_SHORTEST ? ETHER_SHORTEST : (u32)n);
}

static int interface_poll(const struct ether_chip *chip, u8 *frame)
{
    const u8 *from;
    u32 n = chip->poll(&from);

    if (n) {
        memcpy(frame, from, n);
        chip->release();
    }
    return (int)n;
}

static int interface_reset(const struct ether_chip *chip, struct io_request *r)
{
    (void)r;
    return chip->start(ether_address());
}

static int interface_address(u8 *to)
{
    memcpy(to, ether_address(), ETHER_ADDRESS);
    return 0;
}

static const struct interface interface = {interface_send, interface_poll, interface_reset,
                                           interface_address};

static int open_chip(struct io_request *r, const struct ether_chip *chip, const struct driver *driver)
{
    r->driver = driver;
    r->data = (void *)chip;
    r->interface = (void *)&interface;
    if (!r->controller)
        return ether_start(chip);
    printf("There is no Ethernet chip %s%x\n", chip->name, r->controller);
    return -1;
}

static int open_ie(struct io_request *r)
{
    return open_chip(r, &ether_ie, &ie_driver);
}

static int open_le(struct io_request *r)
{
    return open_chip(r, &ether_le, &le_driver);
}

static int close_chip(struct io_request *r)
{
    const struct ether_chip *chip = r->data;

    chip->stop();
    return 0;
}

static int strategy(struct io_request *r, int what)
{
    (void)r;
    (void)what;
    return -1; /* frames go through the interface */
}

static int probe_ie(void)
{
    return ether_ie.probe() ? 0 : -1;
}

static int probe_le(void)
{
    return ether_le.probe() ? 0 : -1;
}

static const struct resources nothing;

const struct driver ie_driver = {
    {'i', 'e'}, probe_ie, boot_again, open_ie, close_chip, strategy, "ie: Intel Ethernet", &nothing,
};
const struct driver le_driver = {
    {'l', 'e'}, probe_le, boot_again, open_le, close_chip, strategy, "le: LANCE Ethernet", &nothing,
};
