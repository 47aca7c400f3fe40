//! The functions of the language and of FHIR, by name: <http://hl7.org/fhirpath/N1/#functions>,
//! <http://hl7.org/fhir/R4/fhirpath.html#functions>.

/// What a function yields.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Yields {
    /// A boolean, or nothing.
    Boolean,
    /// One item at most.
    One,
    /// Any number of items.
    Many,
}

/// Which file evaluates a function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Family {
    Existence,
    Filtering,
    Subset,
    Conversion,
    Strings,
    Encoding,
    Math,
    Tree,
    Utility,
    Boundary,
    Dates,
    Fhir,
}

macro_rules! functions {
    ($($variant:ident $name:literal $family:ident $yields:ident $least:literal $most:literal;)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Function { $($variant),* }

        impl Function {
            /// The function of a name.
            pub(crate) fn of(name: &str) -> Option<Function> {
                match name { $($name => Some(Function::$variant),)* _ => None }
            }

            pub(crate) fn name(self) -> &'static str {
                match self { $(Function::$variant => $name),* }
            }

            pub(crate) fn family(self) -> Family {
                match self { $(Function::$variant => Family::$family),* }
            }

            pub(crate) fn yields(self) -> Yields {
                match self { $(Function::$variant => Yields::$yields),* }
            }

            /// How many arguments it takes, at least and at most.
            pub(crate) fn arity(self) -> (usize, usize) {
                match self { $(Function::$variant => ($least, $most)),* }
            }
        }
    };
}

functions! {
    Empty "empty" Existence Boolean 0 0;
    Exists "exists" Existence Boolean 0 1;
    All "all" Existence Boolean 1 1;
    AllTrue "allTrue" Existence Boolean 0 0;
    AnyTrue "anyTrue" Existence Boolean 0 0;
    AllFalse "allFalse" Existence Boolean 0 0;
    AnyFalse "anyFalse" Existence Boolean 0 0;
    SubsetOf "subsetOf" Existence Boolean 1 1;
    SupersetOf "supersetOf" Existence Boolean 1 1;
    IsDistinct "isDistinct" Existence Boolean 0 0;
    Not "not" Existence Boolean 0 0;
    Count "count" Existence One 0 0;
    Where "where" Filtering Many 1 1;
    Select "select" Filtering Many 1 1;
    Repeat "repeat" Filtering Many 1 1;
    RepeatAll "repeatAll" Filtering Many 1 1;
    Single "single" Subset Many 0 0;
    First "first" Subset Many 0 0;
    Last "last" Subset Many 0 0;
    Tail "tail" Subset Many 0 0;
    Skip "skip" Subset Many 1 1;
    Take "take" Subset Many 1 1;
    Distinct "distinct" Subset Many 0 0;
    Intersect "intersect" Subset Many 1 1;
    Exclude "exclude" Subset Many 1 1;
    Union "union" Subset Many 1 1;
    Combine "combine" Subset Many 1 2;
    Iif "iif" Conversion Many 2 3;
    ToBoolean "toBoolean" Conversion One 0 0;
    ToInteger "toInteger" Conversion One 0 0;
    ToLong "toLong" Conversion One 0 0;
    ToDecimal "toDecimal" Conversion One 0 0;
    ToString "toString" Conversion One 0 0;
    ToDate "toDate" Conversion One 0 0;
    ToDateTime "toDateTime" Conversion One 0 0;
    ToTime "toTime" Conversion One 0 0;
    ToQuantity "toQuantity" Conversion One 0 1;
    ConvertsToBoolean "convertsToBoolean" Conversion Boolean 0 0;
    ConvertsToInteger "convertsToInteger" Conversion Boolean 0 0;
    ConvertsToLong "convertsToLong" Conversion Boolean 0 0;
    ConvertsToDecimal "convertsToDecimal" Conversion Boolean 0 0;
    ConvertsToString "convertsToString" Conversion Boolean 0 0;
    ConvertsToDate "convertsToDate" Conversion Boolean 0 0;
    ConvertsToDateTime "convertsToDateTime" Conversion Boolean 0 0;
    ConvertsToTime "convertsToTime" Conversion Boolean 0 0;
    ConvertsToQuantity "convertsToQuantity" Conversion Boolean 0 1;
    StartsWith "startsWith" Strings Boolean 1 1;
    EndsWith "endsWith" Strings Boolean 1 1;
    Contains "contains" Strings Boolean 1 1;
    Matches "matches" Strings Boolean 1 2;
    MatchesFull "matchesFull" Strings Boolean 1 2;
    IndexOf "indexOf" Strings One 1 1;
    LastIndexOf "lastIndexOf" Strings One 1 1;
    Substring "substring" Strings One 1 2;
    Upper "upper" Strings One 0 0;
    Lower "lower" Strings One 0 0;
    Replace "replace" Strings One 2 2;
    ReplaceMatches "replaceMatches" Strings One 2 3;
    Length "length" Strings One 0 0;
    Trim "trim" Strings One 0 0;
    Join "join" Strings One 0 1;
    ToChars "toChars" Strings Many 0 0;
    Split "split" Strings Many 1 1;
    Encode "encode" Encoding One 1 1;
    Decode "decode" Encoding One 1 1;
    Escape "escape" Encoding One 1 1;
    Unescape "unescape" Encoding One 1 1;
    Abs "abs" Math One 0 0;
    Ceiling "ceiling" Math One 0 0;
    Exp "exp" Math One 0 0;
    Floor "floor" Math One 0 0;
    Ln "ln" Math One 0 0;
    Log "log" Math One 1 1;
    Power "power" Math One 1 1;
    Round "round" Math One 0 1;
    Sqrt "sqrt" Math One 0 0;
    Truncate "truncate" Math One 0 0;
    Children "children" Tree Many 0 0;
    Descendants "descendants" Tree Many 0 0;
    Trace "trace" Utility Many 1 2;
    Now "now" Utility One 0 0;
    Today "today" Utility One 0 0;
    TimeOfDay "timeOfDay" Utility One 0 0;
    DefineVariable "defineVariable" Utility Many 1 2;
    Aggregate "aggregate" Utility Many 1 2;
    Sort "sort" Utility Many 0 16;
    Coalesce "coalesce" Utility Many 1 16;
    LowBoundary "lowBoundary" Boundary One 0 1;
    HighBoundary "highBoundary" Boundary One 0 1;
    Precision "precision" Boundary One 0 0;
    Comparable "comparable" Boundary Boolean 1 1;
    YearOf "yearOf" Dates One 0 0;
    MonthOf "monthOf" Dates One 0 0;
    DayOf "dayOf" Dates One 0 0;
    HourOf "hourOf" Dates One 0 0;
    MinuteOf "minuteOf" Dates One 0 0;
    SecondOf "secondOf" Dates One 0 0;
    MillisecondOf "millisecondOf" Dates One 0 0;
    TimezoneOffsetOf "timezoneOffsetOf" Dates One 0 0;
    DateOf "dateOf" Dates One 0 0;
    TimeOf "timeOf" Dates One 0 0;
    HasValue "hasValue" Fhir Boolean 0 0;
    HasExtension "hasExtension" Fhir Boolean 1 1;
    MemberOf "memberOf" Fhir Boolean 1 1;
    Subsumes "subsumes" Fhir Boolean 1 1;
    SubsumedBy "subsumedBy" Fhir Boolean 1 1;
    ConformsTo "conformsTo" Fhir Boolean 1 1;
    HtmlChecks "htmlChecks" Fhir Boolean 0 0;
    GetValue "getValue" Fhir One 0 0;
    Extension "extension" Fhir Many 1 1;
    Resolve "resolve" Fhir Many 0 0;
    Type "type" Fhir Many 0 0;
    ElementDefinition "elementDefinition" Fhir Many 0 0;
    Slice "slice" Fhir Many 2 2;
    CheckModifiers "checkModifiers" Fhir Many 0 16;
}

impl Function {
    /// Whether an argument is evaluated anew for each item of the input, with `$this`.
    pub(crate) fn is_lambda(self, argument: usize) -> bool {
        use Function::*;
        match self {
            Exists | All | Where | Select | Repeat | RepeatAll | Iif | Sort => true,
            Aggregate => argument == 0,
            Trace | DefineVariable => argument == 1,
            _ => false,
        }
    }

    /// Whether the input must be a string.
    pub(crate) fn takes_string(self) -> bool {
        match self.family() {
            Family::Strings | Family::Encoding => self != Function::Join,
            _ => false,
        }
    }

    /// Whether the answer depends on the order of the input.
    pub(crate) fn takes_order(self) -> bool {
        use Function::*;
        matches!(self, First | Last | Tail | Skip | Take)
    }
}
