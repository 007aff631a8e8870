"""The elements of this package: name in machine descriptions -> "package.module:Class", imported lazily."""

ELEMENTS: dict[str, str] = {
    "bus/multibus/sun-sc": "devices.bus.multibus.sun_sc:SunSc",
    "generic/bus": "devices.generic.bus:Bus",
    "host/boot": "devices.host.boot:Boot",
    "host/posix/disk": "devices.host.disk:Disk",
    "host/posix/memory": "devices.host.memory:HostMemory",
    "host/posix/serial": "devices.host.serial:HostSerial",
    "host/posix/tape": "devices.host.tape:Tape",
    "ic/isil7170": "devices.ic.isil7170:Isil7170",
    "ic/m68010": "devices.ic.m680x0:M68010",
    "ic/m68020": "devices.ic.m680x0:M68020",
    "ic/ncr5380": "devices.ic.ncr5380:Ncr5380",
    "machine/sun3": "devices.sun.sun3.mainbus:Mainbus",
    "machine/sun3/clock": "devices.sun.sun3.clock:Clock",
    "machine/sun3/si": "devices.sun.sun3.si:Si",
    "machine/sun3/zs": "devices.sun.sun3.zs:Zs",
    "scsi/bus": "devices.scsi.bus:Bus",
    "scsi/cdrom": "devices.scsi.cdrom:Cdrom",
    "scsi/disk": "devices.scsi.disk:Disk",
    "scsi/tape": "devices.scsi.tape:Tape",
    "serial/sink": "devices.serial.sink:Sink",
}
