"""What Redis does with the counters of gifts, each as one step that nothing comes between.

First key, `hands`: `p<payment>` what was told of it, `r<name>` the larger hand that a hand became part of, `h<hand>` its
summary and the list of its payments, `a<account>` the account's word (fading or not), `n` how many facts this rests on.
Second key, `sums`: what `tally.Sums` says, and `n` again. A half without its other half is forgotten.
"""

# A payment stands as whoever knew most facts about it told it; facts are never taken back, so neither the order nor a
# repetition of what is told matters.
ADD = """
local hands, sums = KEYS[1], KEYS[2]
local lasting, few, nobody = tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local most, fades = tonumber(ARGV[5]), ARGV[6] == '1'
if redis.call('HGET', hands, 'n') ~= redis.call('HGET', sums, 'n') then redis.call('UNLINK', hands, sums) end

local function text(number) return string.format('%.0f', number) end
local function spoil() redis.call('HSET', sums, 'spoilt', '1') end

local function add(field, number)
  if math.abs(number) >= 2 ^ 53 then spoil() end
  if number ~= 0 then redis.call('HINCRBY', sums, field, text(number)) end
end

local function root_of(name)
  local up = redis.call('HGET', hands, 'r' .. name)
  while up do
    name = up
    up = redis.call('HGET', hands, 'r' .. name)
  end
  return name
end

local function hand_of(root)
  local packed = redis.call('HGET', hands, 'h' .. root)
  if packed then return cmsgpack.unpack(packed) end
  return {size = 0, gifts = 0, donors = 0}
end

local function empty(hand) return {size = hand.size, head = hand.head, tail = hand.tail, gifts = 0, donors = 0} end

-- Put what a hand says into the sums, or (sign -1) take it out again.
local function count(root, hand, sign)
  if hand.gifts == 0 then return end
  add('w' .. text(hand.wave), sign * hand.word)
  add('v' .. text(hand.wave), sign * hand.voice)
  add('d' .. text(hand.wave), sign * math.min(hand.donors, math.floor(most * (fades and hand.voice or hand.word))))
  if root ~= nobody and hand.last - hand.first >= lasting then add('returning', sign * hand.came) end
  if hand.gifts <= few then
    add('kept', sign * hand.stayed)
  elseif sign > 0 then
    if hand.stayed >= 2 ^ 53 then spoil() end
    redis.call('HSET', sums, 'm' .. root, text(hand.stayed))
  else
    redis.call('HDEL', sums, 'm' .. root)
  end
end

local function unite(one, other)
  if other.gifts == 0 then return one end
  if one.gifts == 0 then return other end
  local whole = {gifts = one.gifts + other.gifts, donors = one.donors + other.donors, stayed = one.stayed + other.stayed}
  for _, field in ipairs({'word', 'voice', 'came', 'last'}) do whole[field] = math.max(one[field], other[field]) end
  local early = one
  if other.first < one.first or (other.first == one.first and other.wave < one.wave) then early = other end
  whole.first, whole.wave = early.first, early.wave
  return whole
end

-- A hand with one more gift.
local function with(hand, account, mass)
  if mass == '' then return hand end
  local word, voice, came, stayed, time, wave = unpack(cjson.decode(mass))
  local before = tonumber(redis.call('HGET', hands, 'a' .. account) or '0')
  local said = fades and voice or word
  if said > before then redis.call('HSET', hands, 'a' .. account, text(said)) end
  local one = {gifts = 1, donors = math.max(0, said - before), stayed = stayed, word = word, voice = voice, came = came,
               first = time, last = time, wave = wave}
  local whole = unite(hand, one)
  whole.size, whole.head, whole.tail = hand.size, hand.head, hand.tail
  return whole
end

local function payment_of(name)
  local packed = redis.call('HGET', hands, 'p' .. name)
  return packed and cmsgpack.unpack(packed)
end

local function keep(name, payment) redis.call('HSET', hands, 'p' .. name, cmsgpack.pack(payment)) end

-- The hand of an account, after what it was seen with became part of it. Neither counts in the sums any more.
local function joined(account, mark)
  local root = root_of(account)
  local hand = hand_of(root)
  count(root, hand, -1)
  if mark == '' then return root, hand end
  local other = root_of(mark)
  if other == root then return root, hand end
  local more = hand_of(other)
  count(other, more, -1)
  if more.size > hand.size then root, other, hand, more = other, root, more, hand end
  redis.call('HSET', hands, 'r' .. other, root)
  redis.call('HDEL', hands, 'h' .. other)
  if hand.tail and more.head then
    local last = payment_of(hand.tail)
    last.next = more.head
    keep(hand.tail, last)
  end
  local whole = unite(hand, more)
  whole.size, whole.head, whole.tail = hand.size + more.size, hand.head or more.head, more.tail or hand.tail
  return root, whole
end

-- A gift that came back, or went back, is no longer what was added: the hand is added up anew.
local function anew(hand)
  local payments, name = {}, hand.head
  while name do
    local payment = payment_of(name)
    payments[#payments + 1] = payment
    redis.call('HDEL', hands, 'a' .. payment.account)
    name = payment.next
  end
  hand = empty(hand)
  for _, payment in ipairs(payments) do hand = with(hand, payment.account, payment.mass) end
  return hand
end

local first, last, facts = nil, nil, 0
for at = 7, #ARGV, 6 do
  local name, known, account, mark, mass = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3], ARGV[at + 5]
  local time, before = tonumber(ARGV[at + 4]), payment_of(name)
  if not before or known > before.known then
    facts = facts + known - (before and before.known or 0)
    if account == '' then
      keep(name, {known = known, account = '', mark = '', mass = ''})
    else
      if not first or time < tonumber(first) then first = ARGV[at + 4] end
      if not last or time > tonumber(last) then last = ARGV[at + 4] end
      local listed = before and before.account ~= ''
      if listed and (before.account ~= account or before.mark ~= mark) then spoil() end
      local root, hand = joined(account, mark)
      local payment = {known = known, account = account, mark = mark, mass = mass}
      if listed then
        payment.next = before.next
        keep(name, payment)
        if before.mass ~= mass then hand = anew(hand) end
      else
        payment.next = hand.head
        keep(name, payment)
        hand = with(hand, account, mass)
        hand.size, hand.head, hand.tail = hand.size + 1, name, hand.tail or name
      end
      redis.call('HSET', hands, 'h' .. root, cmsgpack.pack(hand))
      count(root, hand, 1)
    end
  end
end

local function bound(field, value, sooner)
  local before = redis.call('HGET', sums, field)
  if value and (not before or (tonumber(value) < tonumber(before)) == sooner) then redis.call('HSET', sums, field, value) end
end
bound('first', first, true)
bound('last', last, false)
local n = redis.call('HINCRBY', hands, 'n', facts)
redis.call('HINCRBY', sums, 'n', facts)
redis.call('EXPIRE', hands, ARGV[1])
redis.call('EXPIRE', sums, ARGV[1])
return n
"""

READ = """
if redis.call('HGET', KEYS[1], 'n') ~= redis.call('HGET', KEYS[2], 'n') then return {} end
return redis.call('HGETALL', KEYS[2])
"""
