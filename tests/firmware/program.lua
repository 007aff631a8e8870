-- What a Lua program uses of the machine: tables, strings, both kinds of numbers, files, standard input, time.
print(_VERSION, ...)

local sines = {}
for i = 1, 2000 do sines[i] = math.sin(i) * i end
table.sort(sines)
print(string.format("%.17g %.17g", sines[1], sines[2000]), #sines)
for _, x in ipairs { 1 / 3, 2 ^ 53, 1e308 * 10, -0.0, 12345.678e-300, 7 // -2, 7 % -3, 5.5 // 2 } do io.write(x, " ") end
print(("abc"):rep(3, ","), ("hello"):upper(), math.maxinteger, math.mininteger, 0x7fffffffffffffff + 1)

local file = assert(io.open("out.txt", "w"))
file:write("line 1\nline 2\n")
file:close()
for line in io.lines("out.txt") do print(line) end
file = io.open("out.txt", "r+")
print(file:seek("end"), file:seek("set", 2), file:read(3))
file:close()
print(os.rename("out.txt", "old.txt"), os.remove("old.txt"), io.open("out.txt"))
print(pcall(error, "caught"))
print(io.read("l"), io.read("n"), io.read("a"))

local function sieve(n)
  local composite, count = {}, 0
  for i = 2, n do
    if not composite[i] then
      count = count + 1
      for j = i * i, n, i do composite[j] = true end
    end
  end
  return count
end
print(sieve(20000))

local squares = coroutine.wrap(function(a) for i = 1, 3 do coroutine.yield(i * a) end end)
print(squares(2), squares(), squares())
collectgarbage()
print(collectgarbage("count") > 0, os.date("!%Y-%m-%d", 86400), os.clock() >= 0, os.time() > 5e8)
os.exit(42)
