const fetch = require('node-fetch');
const inputBody = {};
const headers = {
'Content-Type':'application/json'
};
fetch('/webhooks/session',
{
method: 'POST',
body: JSON.stringify(inputBody),
headers: headers
})
.then(function(res) {
return res.json();
}).then(function(body) {
console.log(body);
});
