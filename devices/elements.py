"""The elements of this package: name in machine descriptions -> "package.module:Class", imported lazily."""

ELEMENTS: dict[str, str] = {
    "generic/bus": "devices.generic.bus:Bus",
    "host/boot": "devices.host.boot:Boot",
    "host/posix/memory": "devices.host.memory:HostMemory",
    "host/posix/serial": "devices.host.serial:HostSerial",
    "ic/isil7170": "devices.ic.isil7170:Isil7170",
    "ic/m68010": "devices.ic.m680x0:M68010",
    "ic/m68020": "devices.ic.m680x0:M68020",
    "machine/sun3": "devices.sun.sun3.mainbus:Mainbus",
    "machine/sun3/clock": "devices.sun.sun3.clock:Clock",
    "machine/sun3/zs": "devices.sun.sun3.zs:Zs",
    "serial/sink": "devices.serial.sink:Sink",
}
