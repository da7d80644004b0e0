"""What can be refused, in the words of the API and in those of a reader; Chinese is in the frame's catalog.

Everything that a page may have to tell stands here: a test gathers the texts from the modules that pages
call and fails for one that is missing. Names in a sentence are values, and what they are called says how they
are shown: `fen…` as money, `points…` and other numbers with separators, `time` and `day` as the reader writes
them, `scope` as a role, `status`, `field`, `kind` and `where` as the words at the end.
"""

from users.marks import N_

#: One text where the API's own is good for people, too; else what it says, and what the reader is told.
SENTENCES: tuple[str | tuple[str, str], ...] = (
    # ---- What was typed ----
    (
        "Missing data for required field.",
        N_("This is needed."),
    ),
    (
        "Field may not be null.",
        N_("This is needed."),
    ),
    (
        "Unknown field.",
        N_("There is no such field. Reload the page."),
    ),
    (
        "Invalid value.",
        N_("This cannot be read; check it."),
    ),
    (
        "Invalid type.",
        N_("This cannot be read; check it."),
    ),
    (
        "Invalid input type.",
        N_("This cannot be read; check it."),
    ),
    (
        "Not a valid string.",
        N_("Must be text."),
    ),
    (
        "Not a valid utf-8 string.",
        N_("Must not contain control characters or broken characters."),
    ),
    N_("Must be text."),
    (
        "Not a valid boolean.",
        N_("Choose yes or no."),
    ),
    (
        "Must be true or false, without quotes.",
        N_("Choose yes or no."),
    ),
    (
        "Not a valid integer.",
        N_("Write a whole number."),
    ),
    (
        "Must be a whole number without quotes or fraction.",
        N_("Write a whole number."),
    ),
    (
        "Must be fen, a whole number without quotes or fraction: 1250 is 12.50 yuan.",
        N_("Write fen as a whole number: 1250 is 12.50 yuan."),
    ),
    (
        "Number too large.",
        N_("This number is too large."),
    ),
    (
        "Must fit in 64 bits.",
        N_("This number is too large."),
    ),
    (
        "Must be a decimal number.",
        N_("Write a number, such as 1.5."),
    ),
    (
        'Must be a decimal number in quotes, such as "0.02".',
        N_("Write a number, such as 1.5."),
    ),
    (
        "Not a valid list.",
        N_("Write one on each line."),
    ),
    (
        "Not a valid mapping type.",
        N_("This cannot be read; check it."),
    ),
    N_("Not a valid date."),
    (
        '"%(text)s" cannot be formatted as a date.',
        N_("Not a valid date."),
    ),
    (
        "Not a valid datetime.",
        N_("Not a valid date or time."),
    ),
    (
        "Not a valid aware datetime.",
        N_("Not a valid date or time."),
    ),
    (
        '"%(text)s" cannot be formatted as a datetime.',
        N_("Not a valid date or time."),
    ),
    (
        "Must be a time with its offset, such as 2026-11-22T10:00:00+08:00.",
        N_("Not a valid date or time."),
    ),
    N_("Must be a month, such as 2026-10."),
    (
        "'%(period)s' is not a period; write it as YYYY-MM",
        N_("%(period)s is no month; write it as 2026-10."),
    ),
    N_("Must have 1 to %(most)s characters."),
    (
        "Must not contain control characters or broken characters; character %(place)s is %(letter)s.",
        N_("Must not contain control characters or broken characters: character %(place)s is %(letter)s."),
    ),
    (
        "Character %(place)s of it cannot be seen (%(letter)s); write it without that.",
        N_("Character %(place)s cannot be seen (%(letter)s). Type this anew instead of pasting it."),
    ),
    (
        "Character %(place)s of it is %(letter)s; write %(plain)s.",
        N_("Write %(plain)s for character %(place)s of it."),
    ),
    (
        "Two of its keys are the same.",
        N_("The same stands there twice."),
    ),
    N_("Must begin with a letter or digit and hold letters, digits, - and _ only."),
    N_("Use 3 to 64 small letters, digits and . _ @ - to log in with."),
    (
        "'%(name)s' is the name of a page beside those of users; choose another.",
        N_("The name %(name)s is reserved; choose another."),
    ),
    N_("Must not be greater than %(most)s."),
    (
        "Must be greater than or equal to %(least)s.",
        N_("Must be at least %(least)s."),
    ),
    (
        "Must be less than or equal to %(most)s.",
        N_("Must not be greater than %(most)s."),
    ),
    (
        "Must be greater than or equal to %(least)s and less than or equal to %(most)s.",
        N_("Must be from %(least)s to %(most)s."),
    ),
    (
        "Longer than maximum length %(most)s.",
        N_("There may be at most %(most)s."),
    ),
    (
        "Shorter than minimum length %(least)s.",
        N_("There must be at least %(least)s."),
    ),
    (
        "Length must be between %(least)s and %(most)s.",
        N_("There must be from %(least)s to %(most)s."),
    ),
    (
        "Length must be %(most)s.",
        N_("There must be %(most)s."),
    ),
    N_("Must be one of: %(choices)s."),
    (
        "Must lie between %(first)s and %(last)s. Leave it empty where there is no limit.",
        N_("Must be of the years %(first)s to %(last)s; leave it empty where there is no limit."),
    ),
    N_("Must be a date, such as 2026-12-31."),
    (
        "Must lie between %(first)s and %(last)s.",
        N_("Must be of the years %(first)s to %(last)s."),
    ),
    N_("Must not be zero."),
    N_("Must be greater than zero."),
    N_("Must be a phone number: digits, with + and the country's code if it is not Chinese."),
    N_(
        "This phone has a decimal point or an exponent, as spreadsheets write numbers. Format the column"
        " as text and enter the phone anew."
    ),
    N_("This phone lacks its area code, so it is not one phone only. Write it in full."),
    N_("A mobile phone of mainland China has eleven digits, and this has %(number)s."),
    N_(
        "This is not a whole phone number. Write all its digits, with + and the country's code if it is not"
        " Chinese."
    ),
    N_("The form did not arrive as a whole, so nothing was done. Go back and send it again."),
    (
        "Give points or amount, not both.",
        N_("Give points or an amount, not both."),
    ),
    (
        "Give either points or amount.",
        N_("Give either points or an amount."),
    ),
    (
        "Send a header Idempotency-Key, new for each act (a UUID is good). Then a request that is "
        "sent again after a lost answer cannot be carried out twice.",
        N_("The form came without its number, so nothing was done. Go back, reload the page and begin anew."),
    ),
    (
        "Idempotency-Key: at most %(most)s printable characters.",
        N_(
            "The form came with a wrong number, so nothing was done. Go back, reload the page and begin anew."
        ),
    ),
    (
        "Idempotency-Key: send one key, in one header; a key in a header has no comma.",
        N_(
            "The form came with a wrong number, so nothing was done. Go back, reload the page and begin anew."
        ),
    ),
    (
        "Too many calls are in hand. Send it again with its key.",
        N_("Too much is being done at this moment, so nothing was done now. Send it once more."),
    ),
    (
        "This idempotency key was used for another request. Send the first request again, or use a new key.",
        N_("This form was used for something else before. Nothing was done now; begin anew."),
    ),
    (
        "Use next_cursor of the page before, or leave the cursor out.",
        N_("There is no such part of the list. Go to its beginning."),
    ),
    (
        "The outcome is not known yet. Send the same request again with the same key.",
        N_("It is not known yet whether this was done. Press the button once more: nothing is done twice."),
    ),
    # ---- Who, and where ----
    N_("This page is not for your role."),
    N_("There is no participant '%(code)s'."),
    N_("There is no merchant '%(code)s'."),
    N_("%(participant)s has no merchant '%(merchant)s'."),
    N_("%(merchant)s is not a merchant of %(participant)s."),
    (
        "This key may not act for merchant %(merchant)s.",
        N_("You may not act at the merchant %(merchant)s."),
    ),
    (
        "Say at which merchant: add `?merchant=CODE`.",
        N_("Choose a merchant."),
    ),
    N_("Say for which merchant it is."),
    (
        "Say for which participant it is, by its code.",
        N_("Say for which participant it is."),
    ),
    (
        "The scope '%(scope)s' belongs to no participant.",
        N_("This role (%(scope)s) belongs to no participant."),
    ),
    (
        "Name a merchant that exists, for the scope '%(scope)s'.",
        N_("Choose a merchant that exists; only %(scope)s has one."),
    ),
    (
        "A participant gives rights to itself and its own merchants only.",
        N_("You may give rights to your own participant and its merchants only."),
    ),
    N_("There is no user '%(name)s'."),
    N_("The name '%(name)s' is taken, or was; choose another."),
    N_("Nobody disables themselves; ask somebody else to."),
    N_("Change your own password on your account's page."),
    N_("Take your own second factor away on your account's page."),
    N_("There is no API key '%(key)s'."),
    N_("API key '%(key)s' was revoked; make a new one."),
    # ---- Participants, merchants, fee rules and settings ----
    N_("The code '%(code)s' is taken; choose another."),
    (
        "'%(code)s' is an address beside codes; choose another.",
        N_("The code %(code)s is reserved; choose another."),
    ),
    N_("Record the licence or custodian reference that permits it, to enable stored value."),
    N_("Say month and day."),
    N_("Must be the name of a time zone, such as Asia/Shanghai."),
    (
        "Must not be greater than hold_minutes_max.",
        N_("Must not be longer than a hold lasts at most."),
    ),
    (
        'Must be "acceptor", "issuer", or shares that add up to one, such as {"acceptor": '
        '"0.5", "issuer": "0.5"}.',
        N_("Choose who pays; shares must add up to one."),
    ),
    (
        "Must not be less than min.",
        N_("Must not be less than the least fee."),
    ),
    N_("Each tier must begin above the one before."),
    N_("Each rate must be below the one before."),
    # ---- Adjustments and links ----
    N_("An adjustment of points needs this."),
    N_("An adjustment of money needs this."),
    N_("An adjustment of points does not have this."),
    N_("An adjustment of money does not have this."),
    N_("Must be somebody else than the debtor."),
    N_("There is no adjustment '%(id)s'."),
    N_("Who proposed it cannot approve it; ask another operator."),
    N_("It was %(status)s before; propose a new one."),
    N_("It was approved before; propose the opposite to undo it."),
    N_("There is no link '%(id)s'."),
    (
        "It is %(status)s; to part the cards, unlink yours.",
        N_("It is %(status)s already; cards are parted by who issued them."),
    ),
    N_("There is no card '%(card)s' of yours."),
    (
        "Neither card shares a wallet with one of yours.",
        N_("Neither card is of a member of yours."),
    ),
    (
        "The two cards share a wallet already.",
        N_("The two cards are linked already."),
    ),
    N_("%(code)s has a member behind either card; it must first make them one itself."),
    N_("%(code)s has not agreed to it yet."),
    (
        "The card shares its wallet with nobody.",
        N_("The card is linked with no other."),
    ),
    N_(
        "A hold with this card, or on what its participant owes, is open. Part them when it was captured "
        "or voided, or has ended."
    ),
    # ---- Months, statements and payments ----
    (
        "No period %(period)s has been opened.",
        N_("There is no month %(period)s yet."),
    ),
    N_("This month has not been opened."),
    (
        "%(period)s is not closed.",
        N_("The month %(period)s is not closed."),
    ),
    N_("%(period)s is still open. Close it first."),
    N_("%(earlier)s is still open. Close it before %(period)s."),
    N_("%(period)s begins at %(time)s and cannot end before that."),
    (
        '%(period)s ends at %(time)s. To end it now, close it early: {"early": true} or --early.',
        N_("%(period)s ends at %(time)s. To end it now, close it early."),
    ),
    N_("%(period)s has not been approved. Let an operator approve it."),
    (
        "Who closed a period cannot approve it; ask another operator to use their key.",
        N_("Who closed a month cannot approve it; ask another operator."),
    ),
    N_("%(period)s does not come out the same from the journal. Run `tongdui verify`."),
    (
        "%(participant)s has no part in this period.",
        N_("%(participant)s has no part in this month."),
    ),
    (
        "This key sees the settlements of %(participant)s only.",
        N_("You see the settlements of %(participant)s only."),
    ),
    N_("There is no statement '%(id)s'."),
    N_("A statement comes as %(formats)s."),
    N_(
        "%(number)s is not given out: its lines are not what was settled. The hub's operator must run "
        "`tongdui verify`, which tells why."
    ),
    N_(
        "%(name)s could not be made, and the hub's log tells why. It is tried again when you ask again; its "
        "other formats and the other statements can be had."
    ),
    N_("Lines cannot be chosen by this."),
    N_("There is no such session."),
    N_("A user has no such act."),
    N_("There is no such kind."),
    N_("There is no such state."),
    N_("No bank account of %(code)s is on record."),
    N_("This participant has no net in %(period)s."),
    N_("There is no such payment of %(period)s."),
    (
        "It has not been paid yet; check the time and its offset.",
        N_("It is dated in the future; check the time."),
    ),
    N_("It takes a payment back itself; record the payment anew."),
    N_("Nothing is left of this net; there is nothing to carry."),
    N_("The hub has nothing left to pay out for %(period)s."),
    (
        "No bank account is on record of %(codes)s. Set it first: PUT "
        "/v1/participants/{code}/bank-account, of the hub PUT /v1/alliance/bank-account.",
        N_("No bank account is on record of %(codes)s. Put it on record first."),
    ),
    (
        "'%(reference)s' is on record as %(fen)s fen %(direction)s on the net of %(code)s in "
        "%(period)s (%(id)s). Take that back first if it is wrong; another part of the same transfer "
        "is recorded as %(other)s/2.",
        N_(
            "%(reference)s is on record as %(fen)s (%(direction)s) on the net of %(code)s in %(period)s "
            "(%(id)s). Take that back first if it is wrong; another part of the same transfer is recorded "
            "as %(other)s/2."
        ),
    ),
    (
        "Give iban or account_number, and not both.",
        N_("Give either an IBAN or an account number."),
    ),
    (
        "Give bic or clearing_code.",
        N_("Give a BIC or a clearing code."),
    ),
    (
        "Is not a good %(name)s: %(why)s.",
        N_("This %(name)s is not right; check it."),
    ),
    N_("Must not be blank."),
    N_("Has a character that cannot be seen or printed (U+%(code)s); type it again instead of pasting it."),
    N_("There is no such country; write its two letters of ISO 3166, such as CN."),
    N_("Must be 1 to 34 letters, digits and hyphens, and nothing else."),
    N_("Must be a CNAPS code of 12 digits, such as 102100099996."),
    N_("The check digit of this CNAPS code is wrong; compare it with the bank's letter."),
    N_("Must be 1 to 35 capital letters and digits, and nothing else."),
    (
        "With this payment %(fen)s fen are paid on the net of %(code)s in %(period)s, which is %(fen_net)s "
        "fen; more than %(number)s times a net is probably a wrong amount or a wrong net. If it is right, "
        "record it by hand with confirmed: true.",
        N_(
            "With this payment %(fen)s are paid on the net of %(code)s in %(period)s, which is %(fen_net)s; "
            "more than %(number)s times a net is probably a wrong amount or a wrong net. If it is right, "
            "record it by hand and confirm it."
        ),
    ),
    (
        "%(code)s owes the hub %(fen)s fen for %(period)s, and this payment goes out of the hub's account. "
        "Check its sign and which net it is for; if it is right, record it by hand with confirmed: true.",
        N_(
            "%(code)s owes the hub %(fen)s for %(period)s, and this payment goes out of the hub's account. "
            "Check its sign and which net it is for; if it is right, record it by hand and confirm it."
        ),
    ),
    (
        "The hub owes %(code)s %(fen)s fen for %(period)s, and this payment comes into the hub's account. "
        "Check its sign and which net it is for; if it is right, record it by hand with confirmed: true.",
        N_(
            "The hub owes %(code)s %(fen)s for %(period)s, and this payment comes into the hub's account. "
            "Check its sign and which net it is for; if it is right, record it by hand and confirm it."
        ),
    ),
    N_(
        "'%(reference)s' is what a spreadsheet makes of a long number; its last digits are lost. Format the "
        "column as text, export the bank's statement again, and send that."
    ),
    N_("It cannot have been paid in the year %(year)s; check the date."),
    (
        "After %(period)s was approved, the bank account of %(codes)s was changed. Ask them by a telephone "
        "number that you know of old whether it is theirs. If it is, ask for the file again with "
        "accounts_confirmed=%(id)s.",
        N_(
            "After %(period)s was approved, the bank account of %(codes)s was changed. Ask them by a "
            "telephone number that you know of old whether it is theirs, and confirm it if it is."
        ),
    ),
    N_("%(code)s: %(before)s → %(after)s, changed at %(at)s by %(who)s."),
    N_("The bank can pay from %(day)s to %(day_last)s; choose a day between them."),
    N_("On %(day)s banks do not pay; the next bank day is %(day_next)s."),
    N_("These bank accounts are not good: %(names)s. Put them on record anew."),
    # ---- Rows of bank files ----
    N_("bank_reference must have 1 to %(most)s printable characters."),
    N_("bank_reference: character %(place)s (%(letter)s) cannot be in it; write it without that."),
    N_("paid_on must be a day, such as 2026-12-08 or 2026/12/8, or a time with its offset."),
    N_("amount_yuan must be yuan with two decimals, such as 1234.56; below zero if paid out."),
    N_("amount_yuan must not be zero, nor beyond what a net can be."),
    N_("Of debit and credit one must hold an amount and the other none."),
    N_(
        "A debit or credit below zero is a correction of the bank's; look at what it corrects, and record it "
        "by hand."
    ),
    N_("The column of debit or credit must say 借 or 贷, 收 or 支, D or C."),
    N_("The amount and the column of debit or credit do not say the same; look at the bank's statement."),
    N_("It is in '%(currency)s', and nets are in yuan; record it by hand."),
    # ---- Disputes ----
    N_("There is no such dispute."),
    (
        "You have no statement '%(id)s'; GET /v1/statements lists yours.",
        N_("You have no statement %(id)s."),
    ),
    N_("No such line is on %(number)s; take its number from the first column of the detail."),
    (
        "Give the line, or transaction and issuer.",
        N_("Name the line, or the transaction and the issuer."),
    ),
    N_("This line is in dispute already; answer there, or withdraw it first."),
    (
        "This is disputed by its amount, in fen.",
        N_("This is disputed by its amount."),
    ),
    N_("%(quantity)s of it are left to be disputed."),
    N_("You pay no fee on this line."),
    N_("Nothing is owed or charged to you on this line, so there is nothing to be given back."),
    N_("All of it has been reversed or corrected already, or so small a part changes nothing."),
    N_("It is %(status)s; dispute the line again if there is something new."),
    N_("The counterparty may answer until %(day)s; decide after that day."),
    N_("Whoever opened it cannot decide it; withdraw it instead."),
    N_("Only who opened it can withdraw it; accept or reject it instead."),
    N_("You have answered it, so the operator decides; answer again, or accept it."),
    (
        "This line can be corrected in money only; leave `by` out.",
        N_("This line can be corrected in money only."),
    ),
    (
        "Only the acceptor's own key of scope participant, or the operator, can reverse it; leave "
        "`by` out to correct it in money.",
        N_("Only the acceptor's admin, or the operator, can reverse it; correct it in money."),
    ),
    # ---- Cards and members ----
    N_("No participant has issued a card '%(card)s'."),
    N_("This card is blocked; ask the member to contact its issuer."),
    N_("This card has expired; ask the member to renew it."),
    (
        "The card could not be looked up in time. Ask again.",
        N_("The card could not be looked up in time. Try again."),
    ),
    N_("A card number is 4 to 32 letters and digits."),
    N_("Card number %(card)s is already issued."),
    N_("Card %(card)s was replaced by %(other)s and stays blocked."),
    N_("Card %(card)s stays blocked: the data of its member was erased."),
    N_("Card %(card)s was replaced by %(other)s already."),
    N_("The data of the member with card %(card)s was erased."),
    (
        "This key may not enrol members of %(code)s.",
        N_("You may not enrol members of %(code)s."),
    ),
    N_("%(code)s is suspended and enrols nobody."),
    N_("Another participant has enrolled the person with this phone; its card is honoured here."),
    N_("%(code)s has already enrolled the person with this phone."),
    # ---- Postings ----
    (
        "Merchant %(code)s is suspended.",
        N_("The merchant %(code)s is suspended."),
    ),
    N_("%(code)s is suspended and takes no part in exchanges; its own-system business goes on."),
    (
        "This key may not open balances of %(code)s.",
        N_("You may not bring in balances of %(code)s."),
    ),
    N_("%(code)s has already opened a balance with reference '%(reference)s'."),
    (
        "%(code)s has already sent another %(kind)s with reference '%(reference)s'.",
        N_("%(code)s has used the reference %(reference)s before (%(kind)s)."),
    ),
    (
        "%(time)s is in the future; check the time and its offset.",
        N_("%(time)s is in the future; check the time."),
    ),
    (
        "%(time)s lies in a closed period. Send it without the historical mode: it is then booked in "
        "the open period and flagged as late.",
        N_(
            "%(time)s lies in a closed month. Send it without history: it is then booked in the open "
            "month and flagged as late."
        ),
    ),
    N_("The %(field)s must be from 1 to %(most)s."),
    N_("The %(field)s must be from 1 to %(most)s, and so must its worth."),
    (
        "The amount must be from 1 to %(fen)s fen.",
        N_("The amount must be from ¥0.01 to %(fen)s."),
    ),
    N_("The quantity must be from 1 to %(most)s, and so must its worth."),
    N_("Points must be from 0 to %(most)s."),
    N_("%(points)s points can be used here and %(asked)s are asked for."),
    N_("%(points)s points of this issuer can be taken and %(asked)s are asked for."),
    (
        "%(fen)s fen of stored value can be used here and %(fen_asked)s are asked for.",
        N_("%(fen)s of stored value can be used here and %(fen_asked)s are asked for."),
    ),
    (
        "%(fen)s fen of this card's stored value can be used here; the rest is of participants whose "
        "stored value is not enabled across the alliance.",
        N_(
            "%(fen)s of this card's stored value can be used here; the rest is of participants that have "
            "not opened theirs to the alliance."
        ),
    ),
    (
        "Stored value of %(code)s is not enabled across the alliance; sell your own instead.",
        N_("%(code)s has not opened its stored value to the alliance; sell your own instead."),
    ),
    (
        "%(where)s %(points)s more points can be used today; the limit is %(most)s.",
        N_("Today %(points)s more points can be used %(where)s; the limit is %(most)s."),
    ),
    (
        "%(where)s points were used %(number)s times within an hour, which is the limit; try later.",
        N_("Within an hour points were used %(number)s times %(where)s, which is the limit; try later."),
    ),
    N_("%(code)s has reached the limit of what it may owe; take less, or another means of payment."),
    N_("That is less than one point of the alliance."),
    N_("This balance ended on %(day)s, before the day it is booked."),
    N_("These points would have ended on %(day)s, before the day they are given; choose a later day."),
    (
        "The lot has not ended yet.",
        N_("These points have not expired yet."),
    ),
    (
        "Nothing is left in the lot.",
        N_("Nothing is left of these points."),
    ),
    # ---- Holds and reversals ----
    N_("There is no hold '%(id)s'."),
    N_("There is no such hold at your merchants."),
    (
        "Only a hold ends; send capture: false with it.",
        N_("Only a hold has an end."),
    ),
    N_("A hold must end after now and by %(time)s."),
    N_("The hold is %(status)s and cannot lapse."),
    N_("The hold was %(status)s before."),
    N_("The hold ended at %(time)s; what it held is released."),
    (
        "%(held)s are held and %(asked)s were to be captured; take the rest without a hold.",
        N_("%(asked)s is more than the %(held)s that are held; take the rest without a hold."),
    ),
    (
        "Stored value is captured by its amount, in fen.",
        N_("Stored value is captured by its amount."),
    ),
    N_("There is no wallet '%(id)s'."),
    N_("There is no transaction '%(id)s'."),
    N_("There is no such transaction at your merchants."),
    (
        "It is not captured, so nothing is booked; void its hold.",
        N_("It is not captured, so nothing is booked; release its hold."),
    ),
    (
        "A %(kind)s is reversed by its amount, in fen.",
        N_("This (%(kind)s) is undone by its amount."),
    ),
    (
        "A transaction of kind %(kind)s cannot be reversed.",
        N_("This (%(kind)s) cannot be undone."),
    ),
    N_("All of it has been reversed before."),
    N_("%(quantity)s of it are left to be reversed."),
    (
        "%(fen)s fen of it are left and %(fen_asked)s were to be taken back; the rest is spent or held.",
        N_("%(fen)s of it are left and %(fen_asked)s were to be taken back; the rest is spent or held."),
    ),
    # ---- Imports ----
    N_("There is no import '%(id)s'."),
    N_("Only an import of members has a file of results; look transactions up by their reference."),
    N_("There is no member '%(id)s'."),
    N_("Only a member's own participant searches by phone: whose it is concerns nobody else."),
    N_("This member's data was erased. Enrol the person anew, with a new card."),
    N_(
        "The member's wallet still has an open hold. Erase the data when it was captured or voided, or has"
        " ended."
    ),
    N_("A file has at most %(most)s bytes; split it."),
    N_("A row of history must say when it occurred."),
    N_("History must be in the order of time; a row before this one occurred at %(time)s."),
    N_("key must be text of 1 to 255 printable characters."),
    N_(
        "Line %(number)s has %(number_2)s cells and the first line names %(most)s columns. Write each value"
        " under its column; an empty one keeps its place between two separators."
    ),
    N_(
        "Line %(number)s has a quotation mark that does not belong there, or that is not closed. Take it out,"
        " or write the cell between quotation marks and each one in it twice."
    ),
    N_(
        "A quotation mark opened in line %(number)s is closed in line %(most)s only, and between them are"
        " lines that look like rows. Take the quotation mark out and send these rows again."
    ),
    N_("Line %(number)s has more than %(most)s characters."),
    N_(
        "The row has a character that cannot be read as %(encoding)s. Write it anew and save the file as CSV"
        " UTF-8."
    ),
    N_(
        "A spreadsheet has shortened a number to %(cell)s; its digits are lost. Make the column text, and put"
        " in the numbers again."
    ),
    N_("Write what stands in the column line into the others."),
    (
        "The line is not JSON: %(why)s",
        N_("The line is not JSON."),
    ),
    N_("This is a workbook, not text. Save it as CSV UTF-8 in the spreadsheet and send that."),
    N_("This is a gzip file. Unpack it first, or send it with `Content-Encoding: gzip`."),
    N_("The file is neither UTF-8, UTF-16 with a byte order mark, nor GB18030. Save it as CSV UTF-8."),
    N_("The file is empty; its first line must name the columns."),
    (
        "The first line must name the columns. %(faults)s. Known columns: %(columns)s.",
        N_(
            "The first line must name the columns, and some are wrong or missing. Known columns: %(columns)s."
        ),
    ),
    (
        "The first line must name the columns. %(faults)s",
        N_("The first line must name the columns, and cannot be read."),
    ),
    N_("The line must be a JSON object."),
    N_(
        "Stopped by a fault of ours (%(name)s). Rows counted so far are done; send the same file again to "
        "do the rest."
    ),
)

#: Words of ours that stand in a sentence as values.
WORDS: dict[str, str] = {
    "approved": N_("approved"),
    "rejected": N_("rejected"),
    "linked": N_("linked"),
    "unlinked": N_("unlinked"),
    "accepted": N_("accepted"),
    "withdrawn": N_("withdrawn"),
    "held": N_("held"),
    "captured": N_("captured"),
    "voided": N_("voided"),
    "expired": N_("expired"),
    "points": N_("number of points"),
    "amount": N_("amount"),
    "accrual": N_("accrual"),
    "redemption": N_("redemption"),
    "load": N_("load"),
    "spend": N_("spend"),
    "opening": N_("opening"),
    "reversal": N_("reversal"),
    "expiry": N_("expiry"),
    "adjustment": N_("adjustment"),
    "transfer": N_("transfer"),
    "With this card": N_("with this card"),
    "At this merchant": N_("at this merchant"),
}
